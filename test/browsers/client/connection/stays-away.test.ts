import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { forEachBrowser, type Tab } from '../../browsers.ts'
import { startAnswers, stream, type Answers } from '../answers.ts'
import { startPages, TRANSPORTS } from '../pages.ts'
import { sideBySide, type Claim } from '../side-by-side.ts'
import { startStreams, type Streams } from '../streams.ts'

const GONE = [204, 401, 403, 404, 410]
const LATER = [400, 429, 500, 503]

// Ten times the longest wait.
const NOTHING = 10_000

const status = (tab: Tab, name: string): Promise<unknown> => tab.evaluate(`readers['${name}'].stream.status`)
const reach = (tab: Tab, name: string, state: string): Promise<unknown> => tab.until(`readers['${name}'].stream.status.state === '${state}'`)

interface Journey {
  readonly tab: Tab
  readonly answers: Answers
  readonly streams: Streams
  readonly options: string
  /** Requests needed to learn a status: an EventSource does not reveal the status of the first request. */
  readonly requests: number
}

async function staysAway (t: Test, { tab, answers, options, requests }: Journey, code: number): Promise<void> {
  await tab.evaluate(`read('${code}', '${answers.origin}/${code}', ${options})`)
  await reach(tab, String(code), 'closed')
  await sleep(NOTHING)
  t.strictSame(answers.to(`/${code}`).map(({ method }) => method), Array(requests).fill('GET'), 'no further request')
  t.strictSame(await status(tab, String(code)), { state: 'closed', reason: 'gone', httpStatus: code }, 'the status says why')
}

async function comesBack (t: Test, { tab, answers, options }: Journey, code: number): Promise<void> {
  await tab.evaluate(`read('${code}', '${answers.origin}/later/${code}', ${options})`)
  await tab.until(`readers['${code}'].numbers.length === 1`)
  t.strictSame(await status(tab, String(code)), { state: 'open' })
  await tab.evaluate(`readers['${code}'].stream.close()`)
}

/** A stream that is refused after it was open, as when a session has expired. */
async function staysAwayAfterwards (t: Test, { tab, answers, options, requests }: Journey): Promise<void> {
  await tab.evaluate(`read('once', '${answers.origin}/once', ${options})`)
  await reach(tab, 'once', 'closed')
  t.strictSame(await status(tab, 'once'), { state: 'closed', reason: 'gone', httpStatus: 401 })
  const count = answers.to('/once').length
  t.strictSame(answers.to('/once').slice(0, 2).map(({ lastEventId }) => lastEventId), [null, 'a'], 'the page reconnects with its last event ID')
  t.equal(count, 1 + requests, 'the page reconnects once')
  await sleep(NOTHING)
  t.equal(answers.to('/once').length, count, 'no further request')
}

async function isDisconnected (t: Test, { tab, streams, options }: Journey): Promise<void> {
  await tab.evaluate(`read('final', '${streams.url}', ${options})`)
  await tab.until('readers.final.opens === 1')
  await streams.next()
  await tab.until('readers.final.numbers.length === 1')
  t.equal(await streams.app.sse.disconnect(() => true, { final: true }), 1)
  await reach(tab, 'final', 'closed')
  await streams.next()
  await sleep(NOTHING)
  t.strictSame(streams.asked, ['GET /events'], 'no further request')
  t.strictSame(await status(tab, 'final'), { state: 'closed', reason: 'final', closeReason: 'revoked' }, 'the status says why')
  t.strictSame(await tab.evaluate('readers.final.numbers'), [0])
  t.not(await tab.evaluate('readers.final.stream.lastEventId'), 'sse.final', 'a later stream can resume from the last event')
  t.equal(streams.app.sse.count(), 0)
}

await forEachBrowser(t, async (t, browser) => {
  const pages = await startPages(t)
  const claims = await Promise.all(TRANSPORTS.map(async ({ transport, options }): Promise<Claim[]> => {
    const answers = await startAnswers(t, (path, nth, response) => {
      const code = Number(path.split('/').at(-1))
      if (GONE.includes(code)) response.writeHead(code).end()
      else if (path === '/once' && nth > 0) response.writeHead(401).end()
      // Both the stream request and the question for its status are refused at first.
      else if (nth < 2 && path !== '/once') response.writeHead(code).end()
      else stream(response, 'id: a\ndata: 1\n\n')
      if (path === '/once') response.end()
    })
    const journey: Journey = {
      tab: await pages.open(browser),
      answers,
      streams: await startStreams(t),
      options,
      requests: transport === 'fetch' ? 1 : 2
    }
    return [
      ...GONE.map((code): Claim => [`by ${transport}, a page that receives ${code} makes no further request, and its status contains ${code}`, (t) => staysAway(t, journey, code)]),
      ...LATER.map((code): Claim => [`by ${transport}, a page that receives ${code} reconnects`, (t) => comesBack(t, journey, code)]),
      [`by ${transport}, a page that receives 401 when it reconnects makes no further request`, (t) => staysAwayAfterwards(t, journey)],
      [`by ${transport}, a page that is disconnected with \`final: true\` makes no further request, and its status is final`, (t) => isDisconnected(t, journey)]
    ]
  }))
  await sideBySide(t, claims.flat())
}, { atOnce: true })
