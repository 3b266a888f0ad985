import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { forEachBrowser, PATIENCE, type Browser } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { startAnswers, stream } from '../answers.ts'
import { startPages, TRANSPORTS, type Pages } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'

// Several times the longest wait.
const NOTHING = 4000

/** A state of a stream in which the test closes it. */
interface State {
  readonly title: string
  /** The path whose responses bring a stream into this state. */
  readonly path: string
  /** The sign that the state is reached: an expression in the page, or a number of requests. */
  readonly reached: { readonly page?: string, readonly requests?: number }
}

const STATES: readonly State[] = [
  { title: 'while it connects', path: '/silent', reached: { requests: 1 } },
  { title: 'while it is open', path: '/open', reached: { page: 'readers.one.stream.status.state === "open"' } },
  { title: 'after its connection is lost', path: '/broken', reached: { page: 'readers.one.numbers.length > 0 && readers.one.stream.status.state !== "open"' } },
  { title: 'while it waits', path: '/unavailable', reached: { page: 'readers.one.stream.status.state === "waiting"' } },
  { title: 'while it asks why it was refused', path: '/silent-question', reached: { requests: 2 } }
]

/** Closes the stream from within the page, with the change of status after which a condition holds: a request later, it may not hold any more. */
const closeWhen = (condition: string): string => `new Promise((resolve, reject) => {
  const { stream } = readers.one
  setTimeout(() => reject(new Error(${JSON.stringify(`never: ${condition}`)})), ${PATIENCE})
  const off = stream.onStatus(look)
  function look () {
    if (!(${condition})) return
    off()
    stream.close()
    resolve()
  }
  look()
})`

async function isFinal (t: Test, browser: Browser, pages: Pages, options: string, { path, reached }: State): Promise<void> {
  const answers = await startAnswers(t, (path, nth, response) => {
    if (path === '/open') stream(response, 'data: 1\n\n')
    // The connection is lost, and the wait is long enough for the test to close the stream during it.
    if (path === '/broken') stream(response, 'retry: 1500\ndata: 1\n\n')
    if (path === '/broken') setTimeout(() => response.destroy(), 300)
    if (path === '/unavailable' || (path === '/silent-question' && nth === 0)) response.writeHead(503, { 'retry-after': '2', 'access-control-expose-headers': 'retry-after' }).end()
  })
  const tab = await pages.open(browser)
  await tab.evaluate(`read('one', '${answers.origin}${path}', ${options})`)
  const { page = 'true', requests } = reached
  if (requests !== undefined) await holds(() => answers.asked.length === requests, `${requests} requests`)
  await tab.evaluate(closeWhen(page))
  const asked = requests ?? answers.asked.length
  await holds(() => answers.waiting.size === 0, 'no response is open')
  await sleep(NOTHING)
  t.equal(answers.asked.length, asked, 'no further request')
  const states = await tab.evaluate<unknown[]>('readers.one.states')
  t.strictSame(states.at(-1), { state: 'closed', reason: 'closed' })
  await tab.evaluate('[readers.one.stream.reconnect(), readers.one.stream.close()]')
  await sleep(NOTHING / 4)
  t.equal(answers.asked.length, asked, 'reconnect() does not open it again')
  t.strictSame(await tab.evaluate('[readers.one.states, readers.one.errors]'), [states, []], 'the status closed is reported once')
  await tab.close()
}

/** @param closing Expression that is true once the stream can be closed before its first request. */
async function asksNothing (t: Test, browser: Browser, pages: Pages, options: string, closing = 'true'): Promise<void> {
  const answers = await startAnswers(t, (_path, _nth, response) => stream(response, 'data: 1\n\n'))
  const tab = await pages.open(browser)
  await tab.evaluate(`(read('one', '${answers.origin}/events', ${options}), ${closing} && readers.one.stream.close())`)
  await tab.until(closing)
  await tab.evaluate('(readers.one.stream.close(), globalThis.release?.())')
  await sleep(NOTHING / 2)
  t.strictSame(answers.asked.filter(({ method }) => method !== 'OPTIONS'), [])
  t.strictSame(await tab.evaluate('readers.one.states'), [{ state: 'closed', reason: 'closed' }])
  await tab.close()
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  await sideBySide(t, [
    ...TRANSPORTS.flatMap(({ transport, options }): Claim[] => STATES
      .filter(({ path }) => transport === 'EventSource' || path !== '/silent-question')
      .map((state) => [`by ${transport}, close() ${state.title} is final`, (t) => isFinal(t, browser, pages, options, state)])),
    ['close() while the fetch transport is loaded is final', (t) => asksNothing(t, browser, pages, '{ headers: {} }')],
    ['close() while sharing is loaded is final', (t) => asksNothing(t, browser, pages, '{ share: true }')],
    ['close() while the function `headers` is pending is final',
      (t) => asksNothing(t, browser, pages, `{ headers: () => {
        globalThis.isAsked = true
        return new Promise((resolve) => { globalThis.release = () => resolve({}) })
      } }`, 'globalThis.isAsked')]
  ])
}, { atOnce: true })
