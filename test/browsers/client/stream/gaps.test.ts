import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { startPages, TRANSPORTS, type Pages } from '../pages.ts'
import { startStreams, type Streams } from '../streams.ts'

/** A server whose state is the newest number; the test decides when it responds with a snapshot. */
interface Journey {
  readonly streams: Streams
  /** Number of snapshots requested. */
  readonly taken: () => number
  /** Responds with all pending snapshots, and from then on immediately. */
  readonly answer: () => void
}

async function start (t: Test): Promise<Journey> {
  let taken = 0
  let answer = (): void => {}
  const gate = new Promise<void>((resolve) => { answer = resolve })
  t.teardown(answer)
  const streams: Streams = await startStreams(t, { cors: { origin: '*' } }, async (app) => {
    app.get('/state', async (_request, reply) => {
      const snapshot = { lastEventId: app.sse.lastEventId, newest: streams.count - 1 }
      taken++
      await gate
      return reply.header('access-control-allow-origin', '*').header('cache-control', 'no-store').send(snapshot)
    })
  })
  return { streams, taken: () => taken, answer }
}

/** Starts a stream in a page that shows the newest number. The last event ID is unknown, so that the stream begins with a gap. */
async function show (tab: Tab, { streams }: Journey, options: string): Promise<void> {
  await tab.evaluate(`(() => {
    const page = globalThis.page = { shown: [], errors: [] }
    const stream = page.stream = connect('${streams.url}', {
      lastEventId: 'unknown', backoff: { base: 100, cap: 100 }, onError: (error) => page.errors.push(String(error)), ...${options}
    })
    stream.on('message', (number) => page.shown.push(number))
    stream.onGap(async () => {
      // Bypasses the cache, which would let only one tab at a time send its request.
      const { lastEventId, newest } = await (await fetch('${new URL('/state', streams.url).href}', { cache: 'no-store' })).json()
      page.shown.push('snapshot', newest)
      return lastEventId
    })
  })()`)
}

const newest = 'page.shown.at(-1)'

async function losesNoEvent (t: Test, journey: Journey, tabs: readonly Tab[]): Promise<void> {
  const { streams, taken, answer } = journey
  await holds(() => taken() === tabs.length, 'each page requests a snapshot')
  await streams.next()
  for (const tab of tabs) await tab.until(`${newest} === 1`)
  answer()
  for (const [n, tab] of tabs.entries()) {
    await tab.until(`page.shown.includes("snapshot") && ${newest} === 1`)
    t.strictSame((await tab.evaluate<unknown[]>('page.shown')).slice(-3), ['snapshot', 0, 1], `page ${n} shows the snapshot, and then the newer event`)
  }
  await streams.next()
  for (const tab of tabs) await tab.until(`${newest} === 2`)
  await holds(() => streams.app.sse.count() === 1, 'one connection')
  for (const tab of tabs) t.strictSame(await tab.evaluate('page.errors'), [])
}

async function inOnePage (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  const journey = await start(t)
  await journey.streams.next()
  const tab = await pages.open(browser)
  await show(tab, journey, options)
  await losesNoEvent(t, journey, [tab])
  await tab.close()
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)

  for (const { transport, options } of TRANSPORTS) {
    await t.test(`by ${transport}: an event that arrives while a snapshot is loading is not hidden by the snapshot`, (t) => inOnePage(t, browser, pages, options))
  }

  await t.test('in tabs that share a stream, an event that arrives while a snapshot is loading is not hidden by the snapshot', async (t) => {
    const journey = await start(t)
    await journey.streams.next()
    const profile = await browser.profile()
    const tabs = [await pages.open(profile), await pages.open(profile), await pages.open(profile)]
    for (const tab of tabs) await show(tab, journey, '{ share: true }')
    await losesNoEvent(t, journey, tabs)
    for (const tab of tabs) await tab.close()
  })
})
