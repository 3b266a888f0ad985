import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from '../browsers.ts'
import { holds } from '../demo.ts'
import { startPages, type Pages } from './pages.ts'
import { sideBySide } from './side-by-side.ts'
import { keepBroadcasting, numbers, startStreams, type Streams } from './streams.ts'

const TABS = 10
const EVERY = 5
const MANY = 250

interface Journey {
  readonly streams: Streams
  readonly tabs: Tab[]
  /** One more, that shares. */
  join (): Promise<Tab>
}

/** Tabs that share a stream; the first of them leads. */
async function start (t: Test, browser: Browser, pages: Pages, count: number): Promise<Journey> {
  const streams = await startStreams(t)
  const profile = await browser.profile()
  const share = async (tab: Tab): Promise<Tab> => {
    t.teardown(() => tab.close().catch(() => {}))
    await tab.evaluate(`read('one', '${streams.url}', { share: true })`)
    await tab.until('readers.one.stream.status.state === "open"')
    return tab
  }
  const tabs = await Promise.all(Array.from({ length: count }, () => pages.open(profile)))
  // One after the other: they take the lead in this order.
  for (const tab of tabs) await share(tab)
  return { streams, tabs, join: async () => share(await pages.open(profile)) }
}

/** Each number once and in order, in every tab. */
async function missNothing (t: Test, { streams }: Journey, tabs: readonly Tab[], from = 0): Promise<void> {
  const expected = numbers(streams.count - from, from)
  for (const [n, tab] of tabs.entries()) {
    await tab.until(`readers.one.numbers.at(-1) === ${streams.count - 1}`)
    t.strictSame(await tab.evaluate('readers.one.numbers'), expected, `tab ${n} has each event once, in order`)
    t.strictSame(await tab.evaluate('[readers.one.gaps, readers.one.errors]'), [[], []])
  }
}

const hasOneSubscriber = ({ streams }: Journey): Promise<void> => holds(() => streams.app.sse.count() === 1, 'one subscriber')
const goesOn = ({ streams }: Journey, count = MANY): Promise<void> => {
  const target = streams.count + count
  return holds(() => streams.count >= target, 'events go on')
}

/** @param leave Ends the leading one. */
async function handsOver (journey: Journey, leave: () => Promise<unknown>): Promise<void> {
  const { asked } = journey.streams
  const before = asked.length
  await leave()
  await holds(() => asked.length > before, 'another tab takes over')
  await hasOneSubscriber(journey)
  await goesOn(journey)
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)

  await t.test('ten tabs are one subscriber, and none misses anything when the leading one is closed, and the next', async (t) => {
    const journey = await start(t, browser, pages, TABS)
    const { streams, tabs } = journey
    t.equal(streams.app.sse.count(), 1, 'one subscriber')
    t.equal(streams.asked.length, 1, 'one request')
    const end = keepBroadcasting(t, streams, EVERY)
    await goesOn(journey)
    for (let leaders = 1; leaders <= 2; leaders++) {
      await handsOver(journey, () => tabs.shift()!.close())
      t.equal(streams.asked.length, leaders + 1, 'one request by the one that takes over')
    }
    const latecomer = await journey.join()
    await latecomer.until('readers.one.numbers.length > 100')
    await holds(() => streams.count >= 1000, 'a thousand events')
    end()
    const [first] = await latecomer.evaluate<number[]>('readers.one.numbers')
    await missNothing(t, journey, tabs)
    await missNothing(t, journey, [latecomer], first)
    t.equal(streams.app.sse.count(), 1, 'one subscriber')
    t.equal(streams.asked.length, 3)
  })

  await sideBySide(t, [
    ['close() of a tab that follows ends its own stream alone, that of the leading one hands over', async (t) => {
      const journey = await start(t, browser, pages, 4)
      const { streams, tabs: [leader, follower, ...others] } = journey
      const end = keepBroadcasting(t, streams, EVERY)
      await goesOn(journey, 20)
      await follower!.evaluate('readers.one.stream.close()')
      const last = await follower!.evaluate<number[]>('readers.one.numbers')
      await goesOn(journey, 20)
      t.equal(streams.asked.length, 1, 'nobody else noticed')
      await handsOver(journey, () => leader!.evaluate('readers.one.stream.close()'))
      end()
      await missNothing(t, journey, others)
      t.strictSame(await follower!.evaluate('readers.one.numbers'), last, 'who has closed hears nothing')
      for (const tab of [leader!, follower!]) t.strictSame(await tab.evaluate('readers.one.stream.status'), { state: 'closed', reason: 'closed' })
      t.equal(streams.asked.length, 2)
    }],
    ['a leading tab that is left hands over, and follows when somebody comes back to it', async (t) => {
      const journey = await start(t, browser, pages, 3)
      const { streams, tabs: [leader, ...others] } = journey
      const end = keepBroadcasting(t, streams, EVERY)
      await goesOn(journey, 20)
      await handsOver(journey, () => leader!.goto(`${pages.origin}/elsewhere`))
      await leader!.back()
      await leader!.until('globalThis.ready')
      const isSamePage = await leader!.evaluate('globalThis.persisted')
      t.comment(isSamePage ? 'out of the back/forward cache' : 'loaded again')
      if (!isSamePage) await leader!.evaluate(`read('one', '${streams.url}', { share: true })`)
      await leader!.until('readers.one.stream.status.state === "open"')
      await goesOn(journey)
      end()
      await missNothing(t, journey, others)
      const [first] = await leader!.until<number[]>('readers.one.numbers.length > 0 && readers.one.numbers')
      await missNothing(t, journey, [leader!], first)
      if (isSamePage) t.equal(first, 0)
      t.equal(streams.app.sse.count(), 1)
      t.equal(streams.asked.length, 2)
    }],
    ['what ends for good ends for all tabs, and none asks again', async (t) => {
      const journey = await start(t, browser, pages, 4)
      const { streams, tabs } = journey
      await streams.next()
      for (const tab of tabs) await tab.until('readers.one.numbers.length === 1')
      await streams.app.sse.disconnect(() => true, { final: true })
      for (const tab of tabs) {
        t.strictSame(await tab.until('readers.one.stream.status.state === "closed" && readers.one.stream.status'), { state: 'closed', reason: 'final', closeReason: 'revoked' })
        t.strictSame(await tab.evaluate('readers.one.numbers'), [0])
      }
      t.equal(streams.asked.length, 1)
    }],
    ['a server that is restarted is read by one tab again, and all get what it has', async (t) => {
      const journey = await start(t, browser, pages, 4)
      const { streams, tabs } = journey
      for (let n = 0; n < 5; n++) await streams.next()
      await tabs[3]!.until('readers.one.numbers.length === 5')
      await streams.stop()
      for (const tab of tabs) await tab.until('readers.one.stream.status.state !== "open"')
      await streams.start()
      for (let n = 0; n < 5; n++) await streams.next()
      for (const tab of tabs) {
        await tab.until('readers.one.numbers.length >= 10')
        t.strictSame(await tab.evaluate('[readers.one.numbers, readers.one.gaps]'), [numbers(10), [['foreign', 5]]])
      }
      t.equal(streams.app.sse.count(), 1)
    }]
  ])
}, { atOnce: true, keepsPages: true })
