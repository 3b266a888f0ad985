import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { startPages, type Pages } from '../pages.ts'
import { sideBySide } from '../side-by-side.ts'
import { keepBroadcasting, numbers, startStreams, type Streams } from '../streams.ts'

const TABS = 10
const EVERY = 5
const MANY = 250

interface Journey {
  readonly streams: Streams
  readonly tabs: Tab[]
  /** Opens another tab that shares the stream. */
  join (): Promise<Tab>
}

/** Opens tabs that share a stream; the first tab leads. */
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
  // One after the other, so that they lead in this order.
  for (const tab of tabs) await share(tab)
  return { streams, tabs, join: async () => share(await pages.open(profile)) }
}

/** Checks that every tab received each number once, in order. */
async function missNothing (t: Test, { streams }: Journey, tabs: readonly Tab[], from = 0): Promise<void> {
  const expected = numbers(streams.count - from, from)
  for (const [n, tab] of tabs.entries()) {
    await tab.until(`readers.one.numbers.at(-1) === ${streams.count - 1}`)
    t.strictSame(await tab.evaluate('readers.one.numbers'), expected, `tab ${n} received each event once, in order`)
    t.strictSame(await tab.evaluate('[readers.one.gaps, readers.one.errors]'), [[], []])
  }
}

const hasOneSubscriber = ({ streams }: Journey): Promise<void> => holds(() => streams.app.sse.count() === 1, 'one subscriber')
const goesOn = ({ streams }: Journey, count = MANY): Promise<void> => {
  const target = streams.count + count
  return holds(() => streams.count >= target, 'further events')
}

/** @param leave Ends the leading tab. */
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

  await t.test('ten tabs are one subscriber, and no tab misses an event when two leading tabs are closed in turn', async (t) => {
    const journey = await start(t, browser, pages, TABS)
    const { streams, tabs } = journey
    t.equal(streams.app.sse.count(), 1, 'one subscriber')
    t.equal(streams.asked.length, 1, 'one request')
    const end = keepBroadcasting(t, streams, EVERY)
    await goesOn(journey)
    for (let leaders = 1; leaders <= 2; leaders++) {
      await handsOver(journey, () => tabs.shift()!.close())
      t.equal(streams.asked.length, leaders + 1, 'one request by the tab that takes over')
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
    ['close() of a following tab ends only its own stream, and close() of the leading tab hands over', async (t) => {
      const journey = await start(t, browser, pages, 4)
      const { streams, tabs: [leader, follower, ...others] } = journey
      const end = keepBroadcasting(t, streams, EVERY)
      await goesOn(journey, 20)
      await follower!.evaluate('readers.one.stream.close()')
      const last = await follower!.evaluate<number[]>('readers.one.numbers')
      await goesOn(journey, 20)
      t.equal(streams.asked.length, 1, 'no further request')
      await handsOver(journey, () => leader!.evaluate('readers.one.stream.close()'))
      end()
      await missNothing(t, journey, others)
      t.strictSame(await follower!.evaluate('readers.one.numbers'), last, 'the closed tab receives no event')
      for (const tab of [leader!, follower!]) t.strictSame(await tab.evaluate('readers.one.stream.status'), { state: 'closed', reason: 'closed' })
      t.equal(streams.asked.length, 2)
    }],
    ['a leading tab that is left hands over, and follows when it is returned to', async (t) => {
      const journey = await start(t, browser, pages, 3)
      const { streams, tabs: [leader, ...others] } = journey
      const end = keepBroadcasting(t, streams, EVERY)
      await goesOn(journey, 20)
      await handsOver(journey, () => leader!.goto(`${pages.origin}/elsewhere`))
      await leader!.back()
      await leader!.until('globalThis.ready')
      const isSamePage = await leader!.evaluate('globalThis.persisted')
      t.comment(isSamePage ? 'from the back/forward cache' : 'loaded again')
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
    ['a final end closes the streams of all tabs, and no tab makes a further request', async (t) => {
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
    ['a restarted server is read by one tab, and all tabs receive its events', async (t) => {
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
