import t from 'tap'
import { RawReader } from '../flows/raw-reader.ts'
import { ask, isPlain, requestOf, start, type Options } from './server.ts'

const HOST = 'host: localhost'

const methods: Array<[method: string, status: number]> = [
  ['OPTIONS', 400],
  ['POST', 404],
  ['PUT', 404],
  ['PATCH', 404],
  ['DELETE', 404],
  ['TRACE', 404],
  ['PROPFIND', 404],
  ['M-SEARCH', 404],
  ['PURGE', 404],
  ['SUBSCRIBE', 404],
  ['NOTIFY', 404],
  // Methods that Node's parser does not know or that belong to another protocol.
  ['FOO', 400],
  ['get', 400],
  ['GETGETGET', 400],
  ['PRI', 400]
]

t.test('the stream route', async (t) => {
  for (const [where, options] of [['by default', {}], ['without CORS', { cors: false }]] as Array<[string, Options]>) {
    const server = await start(t, options)
    for (const [method, status] of methods) {
      const expected = method === 'OPTIONS' && options.cors === false ? 404 : status
      t.test(`${where} answers ${method} with ${expected} and no stream`, async (t) => {
        const answer = await ask(t, server.port, `${method} /events HTTP/1.1`, HOST, 'content-length: 0')
        t.equal(answer.status, expected)
        isPlain(t, answer)
        t.equal(server.app.sse.count(), 0)
      })
    }

    t.test(`${where} closes the connection of a CONNECT request`, async (t) => {
      const reader = await RawReader.connect(t, server.port)
      reader.socket.write(requestOf('CONNECT /events HTTP/1.1', HOST))
      await reader.seesClose()
      t.equal(reader.bytes.length, 0)
    })

    t.test(`${where} answers every HEAD request without a body`, async (t) => {
      const reader = await RawReader.connect(t, server.port)
      const requests = ['HEAD /events', 'HEAD /events\naccept: text/html', 'HEAD /events\nlast-event-id: x', 'HEAD /events?lastEventId=sse.final', 'HEAD /plain']
      await reader.ask(...requests).sees(({ answers }) => answers.length === requests.length && answers.at(-1)!.complete)
      t.strictSame(reader.answers.map(({ status }) => status), [200, 406, 200, 204, 200])
      t.equal(reader.bytes.toString('latin1').split('\r\n\r\n').at(-1), '')
      t.strictSame(server.opened, [])
    })

    t.test(`${where} matches no URL below its own or similar to it`, async (t) => {
      for (const url of ['/events/', '/events/x', '//events', '/Events', '/%2e%2e/events', '/events%00', '/events;x=1', '/events%2f', '/event']) {
        const answer = await ask(t, server.port, `GET ${url} HTTP/1.1`, HOST)
        t.ok([400, 404].includes(answer.status), `${url} is answered with ${answer.status}`)
        isPlain(t, answer)
      }
    })

    t.test(`${where} serves other readers afterwards`, (t) => server.servesOthers(t))
  }
})

t.test('a request for the stream', async (t) => {
  const server = await start(t)
  const { app, port } = server
  const ignored: Array<[title: string, lines: string[]]> = [
    ['a range', ['range: bytes=0-10']],
    ['a range from the end', ['range: bytes=-5', 'if-range: "x"']],
    ['a condition that is met', ['if-none-match: *']],
    ['time conditions', ['if-modified-since: Sat, 01 Jan 2050 00:00:00 GMT', 'if-unmodified-since: Sat, 01 Jan 2000 00:00:00 GMT']],
    ['a condition on an ETag', ['if-match: "x"']],
    ['an upgrade to WebSocket', ['connection: Upgrade', 'upgrade: websocket', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version: 13']],
    ['an upgrade to HTTP/2', ['connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAARAAAAAAAIAAAAA']],
    ['a TE header for trailers', ['te: trailers, deflate;q=0.5', 'connection: te']],
    ['every encoding', ['accept-encoding: gzip, deflate, br, zstd, identity;q=0, *']],
    ['a method override in a header', ['x-http-method-override: DELETE']],
    ['headers of a proxy', ['x-forwarded-for: evil', 'x-forwarded-proto: ,,,', 'forwarded: for="_x']],
    ['malformed cookies', ['cookie: =; ;;; a=\xff', 'cookie: __proto__=1']],
    ['500 further headers', Array.from({ length: 500 }, (_, n) => `x-${n}: ${n}`)],
    ['headers named like object properties', ['__proto__: x', 'constructor: y', 'hasownproperty: z']]
  ]
  for (const [title, lines] of ignored) {
    t.test(`with ${title} gets the whole stream`, async (t) => {
      const answer = await ask(t, port, 'GET /events HTTP/1.1', HOST, ...lines)
      t.equal(answer.status, 200)
      t.strictSame(answer.headers['content-type'], ['text/event-stream; charset=utf-8'])
      t.strictSame(answer.headers['transfer-encoding'], ['chunked'])
      for (const absent of ['content-range', 'etag', 'last-modified', 'upgrade', 'content-encoding', 'content-length']) t.notOk(answer.headers[absent], absent)
      t.match(answer.body, /^retry: \d+\nid: /)
    })
  }

  const refused: Array<[title: string, status: number, lines: string[]]> = [
    ['16 kB of headers', 431, ['GET /events HTTP/1.1', HOST, `x: ${'y'.repeat(16 * 1024)}`]],
    ['16 kB of short headers', 431, ['GET /events HTTP/1.1', HOST, ...Array.from({ length: 4000 }, () => 'abc:def')]],
    ['a Last-Event-ID of 20 kB', 431, ['GET /events HTTP/1.1', HOST, `last-event-id: ${'y'.repeat(20_000)}`]],
    ['a URL of 20 kB', 431, [`GET /events?${'y'.repeat(20_000)} HTTP/1.1`, HOST]],
    ['no host', 400, ['GET /events HTTP/1.1']],
    ['a NUL in a header', 400, ['GET /events HTTP/1.1', HOST, 'last-event-id: a\0b']],
    ['a lone CR in a header', 400, ['GET /events HTTP/1.1', HOST, 'last-event-id: a\rb']],
    ['a folded header', 400, ['GET /events HTTP/1.1', HOST, 'last-event-id: a', ' b']],
    ['a blank before a colon', 400, ['GET /events HTTP/1.1', HOST, 'last-event-id : a']],
    ['an unknown HTTP version', 400, ['GET /events HTTP/9.9', HOST]],
    ['two content lengths', 400, ['GET /events HTTP/1.1', HOST, 'content-length: 1', 'content-length: 2']],
    ['a content length and chunks', 400, ['GET /events HTTP/1.1', HOST, 'content-length: 5', 'transfer-encoding: chunked']],
    ['an unknown transfer coding', 400, ['GET /events HTTP/1.1', HOST, 'transfer-encoding: gzip']],
    ['an unknown expectation', 417, ['GET /events HTTP/1.1', HOST, 'expect: 200-ok']]
  ]
  for (const [title, status, lines] of refused) {
    t.test(`with ${title} gets ${status} and no stream`, async (t) => {
      const answer = await ask(t, port, ...lines)
      t.equal(answer.status, status)
      isPlain(t, answer)
      t.equal(app.sse.count(), 0)
    })
  }

  t.test('with `Expect: 100-continue` gets 100 and then its stream', async (t) => {
    const reader = await RawReader.connect(t, port)
    reader.socket.write(requestOf('GET /events HTTP/1.1', HOST, 'expect: 100-continue', 'content-length: 5'))
    await reader.sees(({ bytes }) => bytes.includes('sse.open'))
    reader.socket.write('12345')
    await app.sse.broadcast('message', 'live')
    await reader.sees(({ bytes }) => bytes.includes('data: live\n\n'))
    t.match(reader.bytes.toString('latin1'), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    t.equal(app.sse.count(), 1)
    reader.socket.destroy()
  })

  t.test('of any of these kinds leaves the server intact for other readers', (t) => server.servesOthers(t))
})
