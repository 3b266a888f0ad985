import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { FaultProxy, type Fault } from '../fault-proxy.ts'
import { startPages, TRANSPORTS, type Pages } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'
import { numbers, startStreams } from '../streams.ts'

// Several times the longest wait.
const NOTHING = 3000
// A wait too long to end by itself.
const PATIENT = 'backoff: { base: 1e9, cap: 1e9 }'

const RETRY_AFTER = ['access-control-allow-origin: *', 'access-control-expose-headers: retry-after', 'retry-after: 2']

// A page with an `unload` listener does not enter the back/forward cache.
const DO_NOT_KEEP = "addEventListener('unload', () => {})"

// Firefox hides all tabs except the newest.
const SHOW = `(() => {
  Object.defineProperty(document, 'visibilityState', { value: 'visible' })
  document.dispatchEvent(new Event('visibilitychange'))
})()`

const NOTE_FETCH = `(() => {
  const { fetch } = globalThis
  globalThis.fetch = (url, options) => {
    sessionStorage.fetched = options.method
    return fetch(url, options)
  }
})()`

async function leave (tab: Tab, { origin }: Pages): Promise<void> {
  await tab.evaluate("addEventListener('pagehide', ({ persisted }) => { sessionStorage.kept = persisted })")
  await tab.goto(`${origin}/elsewhere`)
}

async function asksNoMore (t: Test, browser: Browser, pages: Pages, options: string, fault: Fault): Promise<void> {
  const streams = await startStreams(t)
  const proxy = await FaultProxy.start(t, streams.port)
  const tab = await pages.open(browser)
  await tab.evaluate(DO_NOT_KEEP)
  await tab.evaluate(`read('one', '${proxy.origin}/events', ${options})`)
  await tab.until('readers.one.opens === 1')
  if (fault !== 'pass') {
    await proxy.set(fault)
    await tab.until('readers.one.stream.status.state !== "open"')
  }
  // Requests may occur at any moment during the fault: only those after the page is left count.
  await tab.evaluate(NOTE_FETCH)
  await leave(tab, pages)
  // With a fault, a request under way may or may not reach the network.
  if (fault === 'pass') t.equal(await tab.evaluate('sessionStorage.fetched'), undefined, 'the page called no fetch')
  const asked = fault === 'pass' ? 1 : proxy.asked.length
  await sleep(NOTHING)
  t.equal(proxy.asked.length, asked, 'no further request')
  t.equal(await tab.evaluate('sessionStorage.kept'), 'false', 'the page is not in the back/forward cache')
  await holds(() => streams.app.sse.count() === 0, 'the stream of the page is closed')
  await tab.close()
}

async function isReturnedTo (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  const streams = await startStreams(t)
  const tab = await pages.open(browser)
  await tab.evaluate(`read('one', '${streams.url}', ${options})`)
  await tab.until('readers.one.opens === 1')
  await streams.next()
  await tab.until('readers.one.numbers.length === 1')

  await leave(tab, pages)
  await holds(() => streams.app.sse.count() === 0, 'the stream of the page is closed')
  await streams.next()
  await sleep(NOTHING)
  t.equal(streams.asked.length, 1, 'a page that is left makes no request')

  await tab.back()
  const isKept = await tab.evaluate('sessionStorage.kept') === 'true'
  t.comment(isKept ? 'kept' : 'not kept')
  // Chromium keeps the page in its back/forward cache; Firefox does not keep a page that has an open stream when it is left.
  t.equal(isKept, browser.name === 'chromium')
  await tab.until('globalThis.ready')
  if (!isKept) await tab.evaluate(`read('one', '${streams.url}', ${options})`)
  await tab.until(`readers.one.opens === ${isKept ? 2 : 1}`)
  await streams.next()
  await tab.until('readers.one.numbers.at(-1) === 2')
  t.strictSame(await tab.evaluate('[readers.one.numbers, readers.one.gaps]'), [isKept ? numbers(3) : [2], []])
  t.equal(streams.app.sse.count(), 1)
  t.equal(streams.asked.length, 2)
  await tab.close()
}

async function resumesOnline (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  const streams = await startStreams(t)
  const proxy = await FaultProxy.start(t, streams.port)
  const profile = await browser.profile()
  const tab = await pages.open(profile)
  await tab.evaluate(`[read('one', '${proxy.origin}/events', { ...${options}, ${PATIENT} })]`)
  await tab.until('readers.one.opens === 1')
  // The network fails without closing the connection.
  proxy.freeze()
  await profile.setOffline(true)
  await tab.until('!navigator.onLine')
  await streams.next()
  await profile.setOffline(false)
  await tab.until('readers.one.opens === 2')
  await tab.until('readers.one.numbers.length === 1')
  await holds(() => streams.app.sse.count() === 1, 'one connection')
  t.equal(proxy.asked.length, 2)
  await tab.close()
}

/**
 * @param wake Expression that ends the wait.
 * @param headers Header lines of the response that causes the wait.
 */
async function triesAtOnce (t: Test, browser: Browser, pages: Pages, options: string, wake: string, headers: readonly string[] = []): Promise<void> {
  const streams = await startStreams(t)
  const proxy = await FaultProxy.start(t, streams.port)
  await proxy.set(['HTTP/1.1 503 Service Unavailable', ...headers])
  const tab = await pages.open(browser)
  await tab.evaluate(`read('one', '${proxy.origin}/events', { ...${options}, ${PATIENT} })`)
  await tab.until('readers.one.stream.status.state === "waiting"')
  await proxy.set('pass')
  await tab.evaluate(wake)
  await tab.until('readers.one.opens === 1')
  t.equal(streams.app.sse.count(), 1)
  await tab.close()
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  await sideBySide(t, TRANSPORTS.flatMap(({ transport, options }): Claim[] => [
    [`by ${transport}, a page that is left makes no further request`, (t) => asksNoMore(t, browser, pages, options, 'pass')],
    [`by ${transport}, a page that is left while its connections are cut makes no further request`, (t) => asksNoMore(t, browser, pages, options, 'cut')],
    [`by ${transport}, a page that is left while it receives status 503 makes no further request`, (t) => asksNoMore(t, browser, pages, options, ['HTTP/1.1 503 Service Unavailable'])],
    [`by ${transport}, a page that is returned to resumes its stream`, (t) => isReturnedTo(t, browser, pages, options)],
    [`by ${transport}, a page that was offline resumes its stream on a new connection`, (t) => resumesOnline(t, browser, pages, options)],
    [`by ${transport}, a waiting page reconnects immediately when it becomes visible`,
      (t) => triesAtOnce(t, browser, pages, options, SHOW)],
    [`by ${transport}, a page that becomes visible during Retry-After reconnects when Retry-After is over`,
      (t) => triesAtOnce(t, browser, pages, options, SHOW, RETRY_AFTER)],
    [`by ${transport}, a waiting page reconnects immediately when it is online`, (t) => triesAtOnce(t, browser, pages, options, "dispatchEvent(new Event('online'))")]
  ]))
}, { atOnce: true, keepsPages: true })
