import t, { type Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { forEachBrowser, type Browser } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { FaultProxy } from '../fault-proxy.ts'
import { startPages, TRANSPORTS, type Pages } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'
import { numbers, startStreams, type Streams } from '../streams.ts'

// Long enough for a busy machine to send heartbeats in time.
const HEARTBEAT = 2500
// Three times the silence that the watchdog allows.
const LONG = 6 * HEARTBEAT

interface Frozen {
  readonly streams: Streams
  readonly proxy: FaultProxy
  /** Evaluates in the page, whose reader `one` has a frozen connection. */
  readonly evaluate: <T>(expression: string) => Promise<T>
  readonly until: <T>(expression: string) => Promise<T>
}

async function freeze (t: Test, browser: Browser, pages: Pages, options: string, heartbeatEvent: boolean, waitsFor: string): Promise<Frozen> {
  const streams = await startStreams(t, { heartbeatInterval: HEARTBEAT, heartbeatEvent })
  const proxy = await FaultProxy.start(t, streams.port)
  const tab = await pages.open(browser)
  t.teardown(() => tab.close().catch(() => {}))
  await tab.evaluate(`read('one', '${proxy.origin}/events', ${options}, ['message', 'sse.heartbeat'])`)
  await tab.until(waitsFor)
  proxy.freeze()
  await streams.next()
  return { streams, proxy, ...tab }
}

// More than once if the machine was too busy after all: then the test fails, and does not wait for ever.
const HEARD = 'readers.one.opens >= 1 && readers.one.told.length > 1'
const OPENED = 'readers.one.opens >= 1'

async function comesBack (t: Test, { streams, proxy, until, evaluate }: Frozen): Promise<void> {
  await until('readers.one.opens === 2')
  await until('readers.one.numbers.length === 1')
  t.strictSame(await evaluate('readers.one.numbers'), [0], 'an event broadcast into the frozen connection arrives once')
  t.equal(proxy.asked.length, 2, 'one new request')
  await holds(() => streams.app.sse.count() === 1, 'the frozen connection is closed')
  await sleep(4 * HEARTBEAT)
  t.equal(proxy.asked.length, 2, 'a connection with heartbeats only is kept')
  t.strictSame(await evaluate('readers.one.stream.status'), { state: 'open' })
  await streams.next()
  await until('readers.one.numbers.length === 2')
  t.strictSame(await evaluate('readers.one.numbers'), numbers(2))
}

async function knowsNothing (t: Test, { proxy, evaluate }: Frozen): Promise<void> {
  await sleep(LONG)
  t.equal(proxy.asked.length, 1)
  t.strictSame(await evaluate('[readers.one.stream.status, readers.one.numbers]'), [{ state: 'open' }, []])
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  await sideBySide(t, [
    ...TRANSPORTS.flatMap(({ transport, options }): Claim[] => [
      [`by ${transport}, a page replaces a connection whose heartbeat events have stopped`,
        async (t) => comesBack(t, await freeze(t, browser, pages, options, true, HEARD))],
      [`by ${transport}, a page replaces a connection that freezes right after sse.open`,
        async (t) => comesBack(t, await freeze(t, browser, pages, options, true, OPENED))]
    ]),
    ['by fetch, a page replaces a connection whose heartbeat comments have stopped',
      async (t) => comesBack(t, await freeze(t, browser, pages, '{ headers: {} }', false, OPENED))],
    ['by EventSource, a page does not notice a frozen connection whose heartbeats are comments',
      async (t) => knowsNothing(t, await freeze(t, browser, pages, '{}', false, OPENED))]
  ])
}, { atOnce: true })
