import t from 'tap'
import { forEachBrowser } from '../../browsers.ts'
import { FaultProxy } from '../fault-proxy.ts'
import { startPages } from '../pages.ts'
import { sideBySide } from '../side-by-side.ts'
import { numbers, startStreams } from '../streams.ts'

const NEEDS = [
  { what: 'the fetch transport', options: '{ headers: {} }' },
  { what: 'sharing', options: '{ share: true }' }
]

await forEachBrowser(t, async (t, browser) => {
  const { port } = new URL((await startPages(t)).origin)

  await sideBySide(t, NEEDS.map(({ what, options }) => [`a page whose first load of ${what} fails loads it later and reads the stream`, async (t) => {
    const streams = await startStreams(t)
    const proxy = await FaultProxy.start(t, Number(port))
    const tab = await browser.open(`${proxy.origin}/reader`)
    await tab.until('globalThis.ready')
    await proxy.set('cut')
    await streams.stop()
    await tab.evaluate(`read('one', '${streams.url}', ${options})`)
    await tab.until('readers.one.states.some(({ state }) => state === "waiting")')
    await proxy.set('pass')
    await streams.start()
    await tab.until('readers.one.opens === 1')
    await streams.next()
    await tab.until('readers.one.numbers.length === 1')
    t.strictSame(await tab.evaluate('readers.one.numbers'), numbers(1))
    t.equal(streams.app.sse.count(), 1)
    await proxy.set('cut')
    await tab.evaluate('readers.one.stream.reconnect()')
    await tab.until('readers.one.opens === 2')
    t.pass('a loaded module is not loaded again')
    await tab.close()
  }]))

  await t.test('close() in onError after a failed load of the fetch transport is final', async (t) => {
    const proxy = await FaultProxy.start(t, Number(port))
    const tab = await browser.open(`${proxy.origin}/reader`)
    await tab.until('globalThis.ready')
    await proxy.set('cut')
    await tab.evaluate(`read('one', '${proxy.origin}/events', { headers: {}, backoff: { base: 0, cap: 0 }, onError: () => { readers.one.stream.close() } })`)
    await tab.until('readers.one.stream.status.state === "closed"')
    const asked = proxy.asked.length
    await new Promise((resolve) => setTimeout(resolve, 500))
    t.equal(proxy.asked.length, asked, 'no further request')
    await tab.close()
  })
}, { atOnce: true })
