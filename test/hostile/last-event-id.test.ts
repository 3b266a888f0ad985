import assert from 'node:assert/strict'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { parseEvents, RawReader } from '../flows/raw-reader.ts'
import { ask, requestOf, start, type Unhurt } from './server.ts'
import { tries } from '../support/tries.ts'

// Two events are kept, a reader sends some last event ID, and a live event follows.

const GET = 'GET /events HTTP/1.1'
const HOST = 'host: localhost'
const VALID = 'abcdefghij'

interface Kept extends Unhurt {
  /** The id of the first kept event. */
  readonly first: string
  readonly epoch: string
}

async function startWithTwo (t: Test): Promise<Kept> {
  const server = await start(t)
  const { id } = await server.app.sse.broadcast('message', 'first')
  await server.app.sse.broadcast('message', 'second')
  return { ...server, first: id!, epoch: id!.split('.')[0]! }
}

/** The beginning of a stream: the reason of its gap, and the replayed events. */
type Outcome = readonly [gap: string | undefined, ...kept: string[]]

const NOTHING: Outcome = [undefined]
const REST: Outcome = [undefined, 'second']
const ALL: Outcome = [undefined, 'first', 'second']
const UNKNOWN: Outcome = ['unknown', 'first', 'second']
const FOREIGN: Outcome = ['foreign', 'first', 'second']
const FUTURE: Outcome = ['future']

type Bring = (kept: Kept) => string[]
const header = (...values: string[]): Bring => () => [GET, HOST, ...values.map((value) => `Last-Event-ID:${value}`)]
const query = (text: string): Bring => () => [`GET /events?${text} HTTP/1.1`, HOST]
const ofKept = (lines: (kept: Kept) => string[]): Bring => (kept) => lines(kept)

const table: Array<[title: string, bring: Bring, outcome: Outcome]> = [
  ['15 kB in the header', header('x'.repeat(15 * 1024)), UNKNOWN],
  ['15 kB of one digit after an epoch', ofKept(({ epoch }) => [GET, HOST, `last-event-id: ${epoch}.${'1'.repeat(15_000)}`]), UNKNOWN],
  ['every byte from 80 to FF', header(Buffer.from(Array.from({ length: 128 }, (_, n) => 128 + n)).toString('latin1')), UNKNOWN],
  ['broken UTF-8 after a valid beginning', ofKept(({ first }) => [GET, HOST, `last-event-id: ${first}\xc3`]), UNKNOWN],
  ['a byte order mark before a valid id', ofKept(({ first }) => [GET, HOST, `last-event-id: \xef\xbb\xbf${first}`]), UNKNOWN],
  ['two headers', header('a', 'b'), UNKNOWN],
  ['a valid id in two headers', ofKept(({ first }) => [GET, HOST, `last-event-id: ${first}`, `Last-Event-Id: ${first}`]), UNKNOWN],
  ['a hundred headers', header(...Array.from({ length: 100 }, String)), UNKNOWN],
  ['an empty header', header(''), NOTHING],
  ['a header of blanks and tabs', header(' \t   \t'), NOTHING],
  ['a valid id with blanks and tabs around it', ofKept(({ first }) => [GET, HOST, `last-event-id:\t  ${first} \t `]), REST],
  ['a header name in uppercase', ofKept(({ first }) => [GET, HOST, `LAST-EVENT-ID: ${first}`]), REST],
  ['a header name with underscores', ofKept(({ first }) => [GET, HOST, `last_event_id: ${first}`]), NOTHING],
  ...['$', '-', '+', '>', '0-0', '*', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'head', 'oldest', 'sse.open', 'null', 'undefined', 'NaN', '0', '-1',
    '../../etc/passwd', '"', "' or 1=1 --", '$' + '{jndi:ldap://a}', '<script>', ',', 'id: 7', VALID, `${VALID}.`, `${VALID}.1.1`, `${VALID}.-1`, `${VALID}.1e3`, `${VALID}.01`,
    `${VALID}.0x1`, `${VALID} .1`, `${VALID.toUpperCase()}.1`, `${VALID}.12345678901234567`].map((text): [string, Bring, Outcome] => [`the text ${text}`, header(text), UNKNOWN]),
  ['an id of another epoch', header(`${VALID}.1`), FOREIGN],
  ['an id of zeros', header('0000000000.0'), FOREIGN],
  ['the beginning of the history', ofKept(({ epoch }) => [GET, HOST, `last-event-id: ${epoch}.0`]), ALL],
  ['a number beyond the safe ones', ofKept(({ epoch }) => [GET, HOST, `last-event-id: ${epoch}.9999999999999999`]), FUTURE],
  ['a valid epoch in uppercase', ofKept(({ first }) => [GET, HOST, `last-event-id: ${first.toUpperCase()}x`]), UNKNOWN],

  ['a query of percent signs', query('lastEventId=%%%'), UNKNOWN],
  ['a broken escape', query('lastEventId=%E0%A4%A'), UNKNOWN],
  ['an escaped NUL', query('lastEventId=%00'), UNKNOWN],
  ['escaped line ends that would make an event', query('lastEventId=x%0d%0adata%3a%20evil%0d%0a%0d%0a'), UNKNOWN],
  ['a query of blanks', query('lastEventId=%20+%09'), UNKNOWN],
  ['an empty query', query('lastEventId='), NOTHING],
  ['a name without a value', query('lastEventId'), NOTHING],
  ['a name with brackets', query('lastEventId[]=a&lastEventId[0]=b'), NOTHING],
  ['a name in capitals', query('LASTEVENTID=a'), NOTHING],
  ['names of object properties', query('__proto__=a&constructor=b&hasOwnProperty=c'), NOTHING],
  ['7 kB of ampersands', query('&'.repeat(7000)), NOTHING],
  ['a thousand values, the first of which is valid', ofKept(({ first }) => [`GET /events?lastEventId=${first}${'&lastEventId=x'.repeat(1000)} HTTP/1.1`, HOST]), REST],
  ['a valid value after an unknown one', ofKept(({ first }) => [`GET /events?lastEventId=x&lastEventId=${first} HTTP/1.1`, HOST]), UNKNOWN],
  ['a valid value after an empty one', ofKept(({ first }) => [`GET /events?lastEventId=&lastEventId=${first} HTTP/1.1`, HOST]), NOTHING],
  ['a valid value with every character escaped', ofKept(({ first }) => [`GET /events?lastEventId=${[...Buffer.from(first)].map((byte) => `%${byte.toString(16)}`).join('')} HTTP/1.1`, HOST]), REST],
  ['a valid value with a blank at its end', ofKept(({ first }) => [`GET /events?lastEventId=${first}+ HTTP/1.1`, HOST]), UNKNOWN],
  ['a valid value after a second question mark', ofKept(({ first }) => [`GET /events?a?lastEventId=${first} HTTP/1.1`, HOST]), NOTHING],
  ['a valid value in an absolute URL', ofKept(({ first }) => [`GET http://localhost/events?lastEventId=${first} HTTP/1.1`, HOST]), REST],

  ['a valid header and an unknown query', ofKept(({ first }) => ['GET /events?lastEventId=x HTTP/1.1', HOST, `last-event-id: ${first}`]), REST],
  ['an unknown header and a valid query', ofKept(({ first }) => [`GET /events?lastEventId=${first} HTTP/1.1`, HOST, 'last-event-id: x']), UNKNOWN],
  ['a valid header and sse.final in the query', ofKept(({ first }) => ['GET /events?lastEventId=sse.final HTTP/1.1', HOST, `last-event-id: ${first}`]), REST],
  ['a header of blanks and a valid query', ofKept(({ first }) => [`GET /events?lastEventId=${first} HTTP/1.1`, HOST, 'last-event-id:   ']), REST]
]

t.test('a reader that sends', async (t) => {
  const kept = await startWithTwo(t)
  for (const [title, bring, [gap, ...before]] of table) {
    t.test(`${title} ${gap === undefined ? 'gets no gap' : `gets the gap "${gap}"`} and ${before.join(', ') || 'live events'}`, async (t) => {
      const { app, port } = kept
      const reader = await RawReader.connect(t, port)
      reader.socket.write(requestOf(...bring(kept)))
      const told = gap === undefined ? 1 : 2
      await reader.sees(({ events }) => events.length === told + before.length)
      // Ephemeral, so that the log stays unchanged for the next reader.
      await app.sse.broadcast('message', 'live', { ephemeral: true })
      await reader.seesEvents(undefined, before.length + 1)
      const [answer] = reader.answers
      t.equal(answer!.status, 200)
      t.strictSame(answer!.headers['sse-gap'], gap === undefined ? undefined : [gap])
      t.strictSame(reader.events.map(({ event, data }) => event ?? data), ['sse.open', ...gap === undefined ? [] : ['sse.gap'], ...before, 'live'])
      if (gap !== undefined) {
        const { reason, lastEventId = '' } = JSON.parse(reader.events[1]!.data)
        t.equal(reason, gap)
        t.match(lastEventId, gap === 'unknown' ? /^$/ : /^[0-9a-z]{10}\.\d+$/, 'an unknown id is not sent back')
      }
      t.ok(reader.bytes.length < 2000, 'the last event ID is not sent back')
      reader.socket.destroy()
    })
  }
  t.test('any of these leaves the server intact', async (t) => {
    await kept.servesOthers(t)
    t.strictSame(new Set(kept.closes), new Set(['reader']))
  })
})

// A failure prints its seed and the shortest request.
t.test('with any bytes in the header and the query a stream opens, with the gap `unknown` unless both are empty', async (t) => {
  const kept = await startWithTwo(t)
  const bytes = fc.array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }), fc.constant(9)), { maxLength: 200 })
    .map((codes) => String.fromCharCode(...codes))
  const visible = fc.array(fc.integer({ min: 0x21, max: 0x7e }), { maxLength: 200 }).map((codes) => String.fromCharCode(...codes))
  await fc.assert(fc.asyncProperty(bytes, visible, async (value, text) => {
    const { status, body } = await ask(t, kept.port, `GET /events?x=1&lastEventId=${text} HTTP/1.1`, HOST, `last-event-id: ${value}`)
    assert.equal(status, 200)
    const [open, gap] = parseEvents(body)
    assert.equal(open!.event, 'sse.open')
    if (value.trim() === '' && (new URLSearchParams(`lastEventId=${text}`).get('lastEventId') || '') === '') assert.equal(gap, undefined)
    else assert.deepEqual([gap!.event, JSON.parse(gap!.data).reason], ['sse.gap', 'unknown'])
  }), tries(100))
  await kept.servesOthers(t)
})
