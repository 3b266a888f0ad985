import t, { type Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { forEachBrowser, type Browser } from '../browsers.ts'
import { holds } from '../demo.ts'
import { FaultProxy } from './fault-proxy.ts'
import { startPages, TRANSPORTS, type Pages } from './pages.ts'
import { sideBySide, type Claim } from './side-by-side.ts'
import { numbers, startStreams, type Streams } from './streams.ts'

// Long enough for a machine that is busy to come to it in time.
const HEARTBEAT = 1000
// Three times the silence that a watchdog takes for the end.
const LONG = 6 * HEARTBEAT

interface Frozen {
  readonly streams: Streams
  readonly proxy: FaultProxy
  /** The page reads `one`, through a connection that passes nothing on any more. */
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

const HEARD = 'readers.one.opens === 1 && readers.one.told.length > 1'
const OPENED = 'readers.one.opens === 1'

async function comesBack (t: Test, { streams, proxy, until, evaluate }: Frozen): Promise<void> {
  await until('readers.one.opens === 2')
  await until('readers.one.numbers.length === 1')
  t.strictSame(await evaluate('readers.one.numbers'), [0], 'what was broadcast into the frozen connection is there, once')
  t.equal(proxy.asked.length, 2, 'one new request')
  await holds(() => streams.app.sse.count() === 1, 'the frozen connection is closed')
  await sleep(4 * HEARTBEAT)
  t.equal(proxy.asked.length, 2, 'a living connection, silent but for heartbeats, is left alone')
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
      [`by ${transport}, a page leaves a connection whose heartbeat events have stopped`,
        async (t) => comesBack(t, await freeze(t, browser, pages, options, true, HEARD))],
      [`by ${transport}, a page leaves a connection that was frozen right after sse.open`,
        async (t) => comesBack(t, await freeze(t, browser, pages, options, true, OPENED))]
    ]),
    ['by fetch, a page leaves a connection whose heartbeat comments have stopped, which it sees',
      async (t) => comesBack(t, await freeze(t, browser, pages, '{ headers: {} }', false, OPENED))],
    ['by EventSource, a page cannot know that a connection is frozen whose heartbeats are comments',
      async (t) => knowsNothing(t, await freeze(t, browser, pages, '{}', false, OPENED))]
  ])
}, { atOnce: true })
