import Fastify from 'fastify'
import t from 'tap'
import ssePlugin from '../../plugin.ts'
import { isKnown } from '../../lib/routes/file-response.ts'
import { lastEventIdOf } from '../../lib/open/last-event-id.ts'
import { acceptsEventStream, asksForEventStream, codingFor } from '../../lib/open/content-negotiation.ts'
import { gate, turn, until } from '../flows/raw-reader.ts'

// These tests compare CPU times of this process, measured one after the other, so that a slow machine slows down both.

// A parser that reads a text once, with a few comparisons for each character, takes two to ten times as long as a bare scan. One that reads it again
// for each of its parts takes thousands of times as long.
const MOST_SCANS = 40
// The most that nghttp2 accepts in the headers of a request; the limit over HTTP/1.1 is a quarter of it.
const LENGTH = 64 * 1024

const repeated = (part: string): string => part.repeat(Math.ceil(LENGTH / part.length)).slice(0, LENGTH)

/** CPU time in microseconds; the best of ten runs, for a busy machine. */
function cost (work: () => unknown): number {
  return Math.min(...Array.from({ length: 10 }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return user + system
  }))
}

const PARTS = [
  '*/*;999=1,', '*/*,', 'text/event-stream,', 'text/event-stream;q=0,', 'text/event-stream;a=1;b=2;c=3;d=4;e=5;f=6;g=7;h=8,', 'text/*;q=0.1,', '*/event-stream;',
  ',', ';', ' ', '\t,', ' ;', '"', '="', '="\\', '=', ';q=', ';q=0.', 'a', 'a,', 'a;', '\xff', '\xe0', '\u0130', 'gzip,', 'gzip;1=1,', '*;q=0.1,', 'identity;q=0.', 'W/"a",', '"",',
  '&', 'a&', 'a=b&', '=&', '%', '%ff', '%e0%a4%a', '%e0%a4%a&', '%6cast=', '+', '?', 'lastEventId', 'lastEventId=', 'lastEventId=&', 'lastEventId=%ff&', '&lastEventId=', '#'
]

const readings: Array<[title: string, read: (text: string) => unknown]> = [
  ['Accept', (text) => [acceptsEventStream(text), asksForEventStream(text)]],
  ['Accept-Encoding', codingFor],
  ['Last-Event-ID', (text) => lastEventIdOf({ 'last-event-id': text }, '/')],
  ['If-None-Match', (text) => isKnown('W/"0123456789abcdef"', text)],
  ['the query', (text) => lastEventIdOf({}, `/events?${text}`)],
  ['the last event ID in the query', (text) => lastEventIdOf({}, `/events?lastEventId=${text}`)]
]

/** Looks once at each character of a text. */
function scan (text: string): number {
  let sum = 0
  for (let at = 0; at < text.length; at++) sum = (sum + text.charCodeAt(at)) | 0
  return sum
}

for (const [title, read] of readings) {
  t.test(`64 KiB of any text in ${title} cost no more than a few scans of the text`, async (t) => {
    for (const part of PARTS) {
      for (const text of [repeated(part), `text/event-stream;${repeated(part)}`, `text/html;a="${repeated(part)}`]) {
        const scans = cost(() => read(text)) / cost(() => scan(text))
        if (scans >= MOST_SCANS) t.fail(`${scans} scans`, { text: text.slice(0, 60) })
      }
    }
    t.pass()
  })
}

t.test('requests refused with 406 pass the opening queue like all others', async (t) => {
  const app = Fastify()
  const turns: number[] = []
  let inTurn = 0
  const release = gate()
  await app.register(ssePlugin, {
    route: {
      preHandler: async () => { await release.passed },
      onError: async () => { if (inTurn++ === 0) setImmediate(() => { turns.push(inTurn); inTurn = 0 }) }
    }
  })
  t.after(() => app.close())
  const answers = Array.from({ length: 200 }, () => app.inject({ url: '/events', headers: { accept: 'text/html' } }))
  for (let n = 0; n < 20; n++) await turn()
  release.open()
  const codes = new Set((await Promise.all(answers)).map(({ statusCode }) => statusCode))
  t.strictSame([...codes], [406])
  await until(() => inTurn === 0)
  // Twice the opening queue's limit: a turn counted here may include parts of two of its turns.
  t.ok(Math.max(...turns) <= 64, turns.join(' '))
})
