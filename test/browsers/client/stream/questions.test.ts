import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from '../../browsers.ts'
import { holds } from '../../holds.ts'
import { startAnswers, stream, type Answers } from '../answers.ts'
import { PAGE, startPages, TRANSPORTS, type Pages } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'
import { startStreams, type Streams } from '../streams.ts'

// A browser does not report why an EventSource failed. The client sends a request to learn it, which the server treats as a reader.

const EVENTS = 'id: a\nevent: sse.open\ndata: {}\n\ndata: 1\n\n'

interface Journey {
  readonly tab: Tab
  readonly answers: Answers
}

async function ask (t: Test, browser: Browser, pages: Pages, answer: (nth: number, response: ServerResponse, path: string) => void, options = '{}', before = ''): Promise<Journey> {
  const answers = await startAnswers(t, (path, nth, response) => answer(nth, response, path))
  const tab = await pages.open(browser)
  t.teardown(() => tab.close().catch(() => {}))
  await tab.evaluate(`${before}read('one', '${answers.origin}/events', ${options})`)
  return { tab, answers }
}

/** Makes the page wait for ever for the answer to a question instead of 5 s, because a busy machine may take that long. */
const PATIENT = 'globalThis.setTimeout = ((wait) => (callback, time) => time === 5000 ? undefined : wait(callback, time))(setTimeout), '

/** Refuses the first request, and opens a stream for the question why and for later requests. */
async function leavesNobodyBehind (t: Test, browser: Browser, pages: Pages): Promise<void> {
  const { tab, answers } = await ask(t, browser, pages, (nth, response) => {
    if (nth === 0) response.writeHead(503).end()
    else stream(response, EVENTS)
  }, '{}', PATIENT)
  await tab.until('readers.one.numbers.length === 1')
  await holds(() => answers.waiting.size === 1, 'the request of the question is closed')
  t.strictSame(answers.asked.map(({ method }) => method), ['GET', 'GET', 'GET'])
  t.strictSame(await tab.evaluate('readers.one.states.filter(({ httpStatus }) => httpStatus !== undefined)'), [], 'an event stream is not reported as a refusal')
  t.strictSame(await tab.evaluate('readers.one.stream.status'), { state: 'open' })
}

async function doesNotWaitForHeads (t: Test, browser: Browser, pages: Pages): Promise<void> {
  const { tab, answers } = await ask(t, browser, pages, (nth, response) => {
    if (nth === 0) response.writeHead(503).end()
    if (nth > 1) stream(response, EVENTS)
  })
  await tab.until('readers.one.numbers.length === 1')
  await holds(() => answers.waiting.size === 1, 'the request of the question is closed')
  t.equal(answers.asked.length, 3)
}

/** Checks that the question is a GET request, since a server may respond differently to HEAD. */
async function obeys204 (t: Test, browser: Browser, pages: Pages): Promise<void> {
  const { tab, answers } = await ask(t, browser, pages, (_nth, response) => { response.writeHead(204).end() })
  await tab.until('readers.one.stream.status.state === "closed"')
  t.strictSame(answers.asked.map(({ method }) => method), ['GET', 'GET'])
}

/** A stream that ends empty, as from a full server, or from a proxy whose server is away. */
async function isNotOpen (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  let isThere = false
  const { tab, answers } = await ask(t, browser, pages, (_nth, response) => {
    stream(response, isThere ? EVENTS : 'retry: 100\n\n')
    if (!isThere) response.end()
  }, options)
  await holds(() => answers.asked.length > 3, 'the page has reconnected')
  const reasons = await tab.evaluate<Array<{ state: string, reason?: string }>>('readers.one.states')
  t.notOk(reasons.some(({ state }) => state === 'open'), 'the status is never open')
  t.ok(reasons.some(({ reason }) => reason === 'later'), 'the reason is "later"')
  t.notOk(reasons.some(({ reason }) => reason === 'refused'))
  isThere = true
  await tab.until('readers.one.numbers.length === 1')
  t.strictSame(await tab.evaluate('readers.one.stream.status'), { state: 'open' })
}

async function isOpenWithItsFirstEvent (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  let response!: ServerResponse
  const { tab } = await ask(t, browser, pages, (_nth, answer) => {
    response = answer
    stream(response, 'retry: 1000\n')
  }, options)
  await holds(() => response !== undefined, 'the stream is requested')
  await sleep(500)
  t.strictSame(await tab.evaluate('[readers.one.stream.status, readers.one.states]'), [{ state: 'connecting' }, []])
  response.write('data: 1\n\n')
  await tab.until('readers.one.numbers.length === 1')
  t.strictSame(await tab.evaluate('readers.one.states'), [{ state: 'open' }])
}

async function quietCountsAsOpen (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  const { tab, answers } = await ask(t, browser, pages, (_nth, response) => stream(response, 'retry: 1000\n'), `{ ...${options}, connectTimeout: 6000 }`)
  await tab.until('readers.one.stream.status.state === "open"')
  t.equal(answers.asked.length, 1)
}

async function staysWithItsOrigin (t: Test, browser: Browser, pages: Pages, target: 'same' | 'other'): Promise<void> {
  const other = await startAnswers(t, (_path, _nth, response) => stream(response, EVENTS))
  const { tab, answers } = await ask(t, browser, pages, (_nth, response, path) => {
    response.setHeader('access-control-allow-headers', 'x-api-key')
    if (response.req.method === 'OPTIONS') return response.writeHead(204).end()
    if (path === '/stream') return stream(response, EVENTS)
    response.writeHead(302, { location: target === 'same' ? '/stream' : `${other.origin}/stream` }).end()
  }, '{ headers: { "x-api-key": "secret" } }')
  await tab.until('readers.one.errors.length > 0')
  t.match(await tab.evaluate<string[]>('readers.one.errors'), [/redirects, and "headers" are not sent along/])
  t.match(await tab.evaluate('readers.one.states[0]'), { state: 'waiting', reason: 'refused' })
  t.strictSame([answers.to('/stream'), other.asked], [[], []])
}

// Like a schema that does not declare `lastEventId` and removes nothing.
const STRICT = {
  route: {
    schema: { querystring: { type: 'object' } },
    validatorCompiler: () => (query: object) => Object.keys(query).length > 0 ? { error: new Error('querystring must NOT have additional properties') } : { value: query }
  }
} as const

/** Opens a new EventSource after an event, at a server that refuses the last event ID in the query. */
async function meetsStrictSchema (t: Test, browser: Browser, pages: Pages | 'own', options: string): Promise<{ tab: Tab, streams: Streams }> {
  const streams = await startStreams(t, STRICT, async (app) => { app.get('/reader', async (_request, reply) => reply.type('text/html').send(PAGE)) })
  const tab = pages === 'own' ? await browser.open(new URL('/reader', streams.url).href) : await pages.open(browser)
  t.teardown(() => tab.close().catch(() => {}))
  await tab.until('globalThis.ready')
  await tab.evaluate(`read('one', '${streams.url}', ${options})`)
  await tab.until('readers.one.opens === 1')
  await streams.next()
  await tab.until('readers.one.numbers.length === 1')
  await tab.evaluate('readers.one.stream.reconnect()')
  await streams.next()
  return { tab, streams }
}

async function goesOnByHeader (t: Test, browser: Browser, options: string): Promise<void> {
  const { tab, streams } = await meetsStrictSchema(t, browser, 'own', options)
  for (let count = 2; count < 4; count++) {
    await tab.until(`readers.one.numbers.length === ${count}`)
    await streams.app.sse.disconnect(() => true)
    await streams.next()
  }
  await tab.until('readers.one.numbers.length === 4')
  t.strictSame(await tab.evaluate('[readers.one.numbers, readers.one.gaps, readers.one.errors]'), [[0, 1, 2, 3], [], []])
  await holds(() => streams.app.sse.count() === 1, 'one connection')
}

async function doesNotStartOver (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  const { tab, streams } = await meetsStrictSchema(t, browser, pages, options)
  await tab.until('readers.one.errors.length > 0')
  t.match(await tab.evaluate('readers.one.errors[0]'), /refuses "lastEventId" in its query/)
  t.match(await tab.until('readers.one.states.find(({ reason }) => reason === "refused")'), { state: 'waiting', httpStatus: 400 })
  await holds(() => streams.app.sse.count() === 0, 'no stream is open')
  t.strictSame(await tab.evaluate('readers.one.numbers'), [0])
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  await sideBySide(t, [
    ['a question that the server answers with a stream is closed, and the next request opens the stream', (t) => leavesNobodyBehind(t, browser, pages)],
    ['a question that the server does not answer is followed by a new attempt', (t) => doesNotWaitForHeads(t, browser, pages)],
    ['a page that receives status 204 for GET makes no further request', (t) => obeys204(t, browser, pages)],
    ...TRANSPORTS.flatMap(({ transport, options }): Claim[] => [
      [`by ${transport}, a stream that ends empty is not reported as open`, (t) => isNotOpen(t, browser, pages, options)],
      [`by ${transport}, a stream without sse.open is open after its first event`, (t) => isOpenWithItsFirstEvent(t, browser, pages, options)],
      [`by ${transport}, a stream counts as open after ten silent seconds`, (t) => quietCountsAsOpen(t, browser, pages, options)],
      [`by ${transport}, a page of the same origin misses no event if a schema refuses its last event ID in the query`, (t) => goesOnByHeader(t, browser, options)],
      [`by ${transport}, a page of another origin reports that a schema refuses its last event ID`, (t) => doesNotStartOver(t, browser, pages, options)]
    ]),
    ['headers do not follow a redirect to another origin, and the redirect is reported', (t) => staysWithItsOrigin(t, browser, pages, 'other')],
    ['headers do not follow a redirect within the origin, since a page cannot see its target', (t) => staysWithItsOrigin(t, browser, pages, 'same')]
  ])
}, { atOnce: true })
