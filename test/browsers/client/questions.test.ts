import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { forEachBrowser, type Browser, type Tab } from '../browsers.ts'
import { holds } from '../demo.ts'
import { startAnswers, stream, type Answers } from './answers.ts'
import { PAGE, startPages, TRANSPORTS, type Pages } from './pages.ts'
import { sideBySide, type Claim } from './side-by-side.ts'
import { startStreams, type Streams } from './streams.ts'

// A browser that gives up does not say why. The client asks, and a server takes its question for a reader.

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

/** Has the page wait a minute for the answer to a question, not 5 s: a busy machine may take as long for one that comes. */
const PATIENT = 'globalThis.setTimeout = ((wait) => (callback, time) => wait(callback, time === 5000 ? 60_000 : time))(setTimeout), '

/** Refuses a reader, then opens a stream for the question why, and for whoever comes then. */
async function leavesNobodyBehind (t: Test, browser: Browser, pages: Pages): Promise<void> {
  const { tab, answers } = await ask(t, browser, pages, (nth, response) => {
    if (nth === 0) response.writeHead(503).end()
    else stream(response, EVENTS)
  }, '{}', PATIENT)
  const before = performance.now()
  await tab.until('readers.one.numbers.length === 1')
  t.ok(performance.now() - before < 45_000, 'the stream is not asked for in vain')
  await holds(() => answers.waiting.size === 1, 'the question has left')
  t.strictSame(answers.asked.map(({ method }) => method), ['GET', 'GET', 'GET'])
  t.strictSame(await tab.evaluate('readers.one.states.filter(({ httpStatus }) => httpStatus !== undefined)'), [], 'an event stream is not called a refusal')
  t.strictSame(await tab.evaluate('readers.one.stream.status'), { state: 'open' })
}

async function doesNotWaitForHeads (t: Test, browser: Browser, pages: Pages): Promise<void> {
  const { tab, answers } = await ask(t, browser, pages, (nth, response) => {
    if (nth === 0) response.writeHead(503).end()
    if (nth > 1) stream(response, EVENTS)
  })
  await tab.until('readers.one.numbers.length === 1')
  await holds(() => answers.waiting.size === 1, 'the question has left')
  t.equal(answers.asked.length, 3)
}

/** An answer to GET alone: a server may say anything to HEAD. */
async function obeys204 (t: Test, browser: Browser, pages: Pages): Promise<void> {
  const { tab, answers } = await ask(t, browser, pages, (_nth, response) => { response.writeHead(204).end() })
  await tab.until('readers.one.stream.status.state === "closed"')
  t.strictSame(answers.asked.map(({ method }) => method), ['GET', 'GET'])
}

/** A stream that ends before there is anything in it, like that of a server without a place, or of a proxy whose server is away. */
async function isNotOpen (t: Test, browser: Browser, pages: Pages, options: string): Promise<void> {
  let isThere = false
  const { tab, answers } = await ask(t, browser, pages, (_nth, response) => {
    stream(response, isThere ? EVENTS : 'retry: 100\n\n')
    if (!isThere) response.end()
  }, options)
  await holds(() => answers.asked.length > 3, 'it has come back')
  const reasons = await tab.evaluate<Array<{ state: string, reason?: string }>>('readers.one.states')
  t.notOk(reasons.some(({ state }) => state === 'open'), 'it never says open')
  t.ok(reasons.some(({ reason }) => reason === 'later'), 'and why')
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
  await holds(() => response !== undefined, 'the stream is asked for')
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
  t.match(await tab.evaluate<string[]>('readers.one.errors'), [/redirects, and "headers" do not go along/])
  t.match(await tab.evaluate('readers.one.states[0]'), { state: 'waiting', reason: 'refused' })
  t.strictSame([answers.to('/stream'), other.asked], [[], []])
}

// As schemas that do not know `lastEventId` and remove nothing.
const STRICT = {
  route: {
    schema: { querystring: { type: 'object' } },
    validatorCompiler: () => (query: object) => Object.keys(query).length > 0 ? { error: new Error('querystring must NOT have additional properties') } : { value: query }
  }
} as const

/** A new EventSource after an event, at a server that refuses the last event ID in the query. */
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
  await holds(() => streams.app.sse.count() === 0, 'nobody reads')
  t.strictSame(await tab.evaluate('readers.one.numbers'), [0])
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  await sideBySide(t, [
    ['a server that answers the question with a stream has no reader that is not there, and the next request opens', (t) => leavesNobodyBehind(t, browser, pages)],
    ['a server that leaves the question without an answer is asked for the stream again', (t) => doesNotWaitForHeads(t, browser, pages)],
    ['a server that says 204 to GET is left alone', (t) => obeys204(t, browser, pages)],
    ...TRANSPORTS.flatMap(({ transport, options }): Claim[] => [
      [`by ${transport}, a stream that ends before anything of it has come is not called open`, (t) => isNotOpen(t, browser, pages, options)],
      [`by ${transport}, a stream without sse.open is open with its first event`, (t) => isOpenWithItsFirstEvent(t, browser, pages, options)],
      [`by ${transport}, a stream that has said nothing for ten seconds counts as open`, (t) => quietCountsAsOpen(t, browser, pages, options)],
      [`by ${transport}, a page of the same origin misses nothing where a schema refuses its last event ID in the query`, (t) => goesOnByHeader(t, browser, options)],
      [`by ${transport}, a page of another origin is told that it cannot go on there`, (t) => doesNotStartOver(t, browser, pages, options)]
    ]),
    ['headers do not follow a redirect to another origin, which is told', (t) => staysWithItsOrigin(t, browser, pages, 'other')],
    ['nor within the origin, since a page cannot see where a redirect leads', (t) => staysWithItsOrigin(t, browser, pages, 'same')]
  ])
}, { atOnce: true })
