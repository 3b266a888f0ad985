import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { FaultProxy, type Fault } from '../fault-proxy.ts'
import { startPages, TRANSPORTS, type Pages } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'
import { keepBroadcasting, numbers, startStreams, type Streams } from '../streams.ts'

const OUTAGE = 8000
const SHORTER_OUTAGE = 5000
// Milliseconds between two events during an outage.
const EVERY = 100
// Longer than any wait between two attempts.
const AFTERWARDS = 3000

const HTML = ['HTTP/1.1 200 OK', 'access-control-allow-origin: *', 'content-type: text/html']
// A gateway sends no CORS headers.
const UNAVAILABLE = ['HTTP/1.1 503 Service Unavailable']

const FAULTS: ReadonlyArray<readonly [title: string, fault: Fault, milliseconds: number]> = [
  ['refuses connections for 8 s', 'refuse', OUTAGE],
  ['answers 503 for 5 s', UNAVAILABLE, SHORTER_OUTAGE],
  ['cuts every connection before the head for 5 s', 'cut', SHORTER_OUTAGE],
  ['answers with text/html for 5 s', HTML, SHORTER_OUTAGE],
  ['accepts and never answers for 5 s', 'silent', SHORTER_OUTAGE]
]

/** Checks that one connection is open, now and after the time of every further attempt. */
async function isOneConnection (t: Test, tab: Tab, streams: Streams): Promise<void> {
  await holds(() => streams.app.sse.count() === 1, 'one connection')
  await sleep(AFTERWARDS)
  t.equal(streams.app.sse.count(), 1, 'exactly one connection on the server')
  t.ok(Object.values(await tab.evaluate<Record<string, number>>('most')).every((most) => most === 1), 'one EventSource is open at a time')
  t.strictSame(await tab.evaluate('readers.one.errors'), [])
}

async function comesThrough (t: Test, browser: Browser, pages: Pages, options: string, fault: Fault, milliseconds: number): Promise<void> {
  const streams = await startStreams(t)
  const proxy = await FaultProxy.start(t, streams.port)
  const tab = await pages.open(browser)
  await tab.evaluate(`read('one', '${proxy.origin}/events', { ...${options}, connectTimeout: ${fault === 'silent' ? 1000 : Infinity} })`)
  await tab.until('readers.one.opens === 1')
  const end = keepBroadcasting(t, streams, EVERY)
  await tab.until('readers.one.numbers.length > 5')

  await proxy.set(fault)
  await holds(() => streams.app.sse.count() === 0, 'the reader is cut off')
  await sleep(milliseconds)
  t.not(await tab.evaluate('readers.one.stream.status.state'), 'open')
  await proxy.set('pass')

  await tab.until('readers.one.opens === 2')
  end()
  await tab.until(`readers.one.numbers.length >= ${streams.count}`)
  await isOneConnection(t, tab, streams)
  t.strictSame(await tab.evaluate('readers.one.numbers'), numbers(streams.count), 'every event, once, in order')
  t.strictSame(await tab.evaluate('readers.one.gaps'), [], 'no gap')
  t.strictSame(await tab.evaluate('readers.one.stream.status'), { state: 'open' })
  await tab.close()
}

async function survivesRestart (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  const streams = await startStreams(t)
  const tab = await pages.open(browser)
  await tab.evaluate(`read('one', '${streams.url}', ${options})`)
  await tab.until('readers.one.opens === 1')
  for (let n = 0; n < 5; n++) await streams.next()
  await tab.until('readers.one.numbers.length === 5')

  await streams.stop()
  await sleep(OUTAGE)
  await streams.start()
  const end = keepBroadcasting(t, streams, EVERY)
  for (let n = 0; n < 5; n++) await streams.next()

  await tab.until('readers.one.gaps.length > 0')
  end()
  await tab.until(`readers.one.numbers.length >= ${streams.count}`)
  await isOneConnection(t, tab, streams)
  t.strictSame(await tab.evaluate('readers.one.numbers'), numbers(streams.count), 'every event of both servers, once, in order')
  t.strictSame(await tab.evaluate('readers.one.gaps'), [['foreign', 5]], 'the gap arrives before the events of the new server')
  await tab.close()
}

async function honoursRetryAfter (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  const streams = await startStreams(t)
  const proxy = await FaultProxy.start(t, streams.port)
  const tab = await pages.open(browser)
  await tab.evaluate(`read('one', '${proxy.origin}/events', ${options})`)
  await tab.until('readers.one.opens === 1')
  await streams.next()
  await tab.until('readers.one.numbers.length === 1')

  await proxy.set([...UNAVAILABLE, 'access-control-allow-origin: *', 'access-control-expose-headers: retry-after', 'retry-after: 10'])
  const { retryAt } = await tab.until<{ retryAt: number }>('readers.one.states.find(({ state, retryAt }) => state === "waiting" && retryAt - Date.now() > 3000)')
  const asked = proxy.asked.length
  await proxy.set('pass')
  await streams.next()
  await tab.until('readers.one.opens === 2')
  t.equal(proxy.asked.length, asked + 1, 'one request')
  t.ok(proxy.asked[asked]!.at - proxy.asked[asked - 1]!.at >= 9900, 'the request comes after Retry-After')
  // The browser and this process share one clock. The page starts its timer and reads the clock one after the other, and a busy machine may
  // interrupt it in between.
  t.ok(proxy.asked[asked]!.at >= retryAt - 1000, 'the request comes at `retryAt`')
  await tab.until('readers.one.numbers.length === 2')
  await tab.close()
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  await sideBySide(t, TRANSPORTS.flatMap(({ transport, options }): Claim[] => [
    [`by ${transport}, a page of another origin reconnects after its server was stopped for 8 s and started again`,
      (t) => survivesRestart(t, browser, pages, options)],
    ...FAULTS.map(([title, fault, milliseconds]): Claim => [
      `by ${transport}, a page of another origin misses no event of a server whose proxy ${title}`,
      (t) => comesThrough(t, browser, pages, options, fault, milliseconds)
    ]),
    [`by ${transport}, a page makes no request before the Retry-After of a 503 is over`,
      (t) => honoursRetryAfter(t, browser, pages, options)]
  ]))
}, { atOnce: true })
