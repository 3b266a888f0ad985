import t, { type Test } from 'tap'
import { forEachBrowser, type Browser } from '../../browsers.ts'
import { startKeepingProxy, type WhileAway } from '../keeping-proxy.ts'
import { startPages, TRANSPORTS, type Pages } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'
import { startStreams } from '../streams.ts'

// With the default options: twice 15 s of silence, and a margin for a busy machine.
const NOTICED = 40_000
const BACK = 45_000

// The defaults of the client instead of those of these tests.
const DEFAULTS = 'backoff: undefined'

async function comesBack (t: Test, browser: Browser, pages: Pages, options: string, whileAway: WhileAway): Promise<void> {
  const streams = await startStreams(t, { reconnectionTime: undefined })
  const origin = await startKeepingProxy(t, streams.port, whileAway)
  const tab = await pages.open(browser)
  await tab.evaluate(`read('one', '${origin}/events', { ...${options}, ${DEFAULTS} })`)
  await tab.until('readers.one.opens === 1')
  await streams.next()
  await tab.until('readers.one.numbers.length === 1')

  streams.app.server.closeAllConnections()
  await streams.stop()
  await tab.until('readers.one.stream.status.state !== "open"', NOTICED)
  t.match(await tab.evaluate('readers.one.states.find(({ state }) => state === "waiting")'), { reason: 'silent' }, 'the status has the reason "silent"')
  await streams.start()
  const before = performance.now()
  await streams.next()
  await tab.until('readers.one.numbers.length === 2', BACK)
  t.ok(performance.now() - before < BACK)
  t.strictSame(await tab.evaluate('[readers.one.numbers, readers.one.stream.status]'), [[0, 1], { state: 'open' }])
  await tab.close()
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  await sideBySide(t, TRANSPORTS.flatMap(({ transport, options }) => ([502, 'never'] as const).map((whileAway): Claim => [
    `by ${transport}, a page with the default options reconnects to a server that died behind a proxy which keeps its connection and answers ${whileAway}`,
    (t) => comesBack(t, browser, pages, options, whileAway)
  ])))
}, { atOnce: true })
