import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ask, isPlain, start } from './server.ts'
import { tries } from '../support/tries.ts'

const HOST = 'host: localhost'

const table: Array<[title: string, accept: string[], status: 200 | 406]> = [
  ['8 kB of broken q values', ['text/html;q=,'.repeat(600)], 406],
  ['8 kB of commas', [','.repeat(8000)], 406],
  ['8 kB of commas, then an event stream', [`${','.repeat(8000)}text/event-stream`], 200],
  ['8 kB of semicolons after an event stream', [`text/event-stream${';'.repeat(8000)}`], 200],
  ['8 kB of types, the last of them an event stream', [`${'a/b;q=0.9,'.repeat(800)}text/event-stream;q=0.001`], 200],
  ['8 kB of quotation marks', ['"'.repeat(8000)], 406],
  ['an event stream inside an unterminated quoted string', ['text/html;a="b, text/event-stream'], 406],
  ['an event stream after a quoted string with a comma', ['text/html;a="b,c", text/event-stream'], 200],
  ['a q that is not a number', ['text/event-stream;q=abc'], 406],
  ['a q below zero', ['text/event-stream;q=-1'], 406],
  ['an empty q', ['text/event-stream;q='], 200],
  ['a q beyond one', ['text/event-stream;q=9999999999999999999999'], 200],
  ['a tiny q', ['text/event-stream;q=0.001'], 200],
  ['an uppercase q', ['text/event-stream;Q=0.5'], 200],
  ['a broken q of an event stream next to any type', ['text/event-stream;q=abc, */*'], 406],
  ['any type with a broken q', ['*/*;q=x'], 406],
  ['any type except event streams', ['*/*, text/event-stream;q=0'], 406],
  ['any text except event streams, in two headers', ['text/*', 'text/event-stream;q=0'], 406],
  ['a refused and an accepted type in two headers', ['text/html', 'text/event-stream'], 200],
  ['another charset', ['text/event-stream;charset=utf-16'], 406],
  ['the charset quoted and in uppercase', ['text/event-stream; charset="UTF-8"'], 200],
  ['a type that begins with text/event-stream', ['text/event-stream-x'], 406],
  ['a type that ends with text/event-stream', ['x-text/event-stream'], 406],
  ['a subtype with a wildcard', ['text/event-*'], 406],
  ['a lone asterisk', ['*'], 406],
  ['a wildcard for the type alone', ['*/event-stream'], 200],
  ['a slash', ['/'], 406],
  ['bytes outside ASCII', ['t\xe9xt/event-stream, \xff\xfe'], 406],
  ['names of object properties', ['__proto__, constructor/prototype;__proto__=1'], 406],
  ['only blanks', ['   \t '], 200]
]

t.test('an `Accept` header', async (t) => {
  const server = await start(t)
  const { port, opened } = server
  for (const [title, values, status] of table) {
    t.test(`with ${title} gets ${status === 200 ? 'an event stream' : 'a JSON response with 406'}`, async (t) => {
      const before = opened.length
      const answer = await ask(t, port, 'GET /events HTTP/1.1', HOST, ...values.map((value) => `accept: ${value}`))
      t.equal(answer.status, status)
      t.equal(opened.length - before, status === 200 ? 1 : 0)
      if (status === 200) return
      isPlain(t, answer)
      t.match(answer.headers['content-type']?.[0], 'application/json')
      t.match(JSON.parse(answer.body), { statusCode: 406, code: 'FST_SSE_NOT_ACCEPTABLE' })
      // CORS: a page of another origin can read why it was refused.
      t.strictSame(answer.headers['access-control-allow-origin'], ['*'])
    })
  }

  // A failure prints its seed and the shortest value.
  t.test('with any value gets one of these two responses', async (t) => {
    const part = fc.constantFrom('text/event-stream', 'text/*', '*/*', 'a/b', ';', ',', '"', '\\', '=', 'q', '=0', '=1', '=0.5', 'charset=utf-8', ' ', '\t', '\xff', '*', '/')
    await fc.assert(fc.asyncProperty(fc.array(part, { maxLength: 12 }), async (parts) => {
      const answer = await ask(t, port, 'GET /events HTTP/1.1', HOST, `accept: ${parts.join('')}`)
      assert.ok(answer.status === 200 || answer.status === 406, `${answer.status}`)
      assert.equal(answer.headers['content-type']?.[0] === 'text/event-stream; charset=utf-8', answer.status === 200)
    }), tries(100))
  })

  t.test('that is refused leaves no subscriber behind', (t) => server.servesOthers(t))
})
