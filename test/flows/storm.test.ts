import Fastify from 'fastify'
import t from 'tap'
import ssePlugin from '../../plugin.ts'
import { NumberedReader, numbered } from './numbered-reader.ts'
import { gate, listen, until } from './raw-reader.ts'

const STORM = 5000
const LIVE = 10
const HISTORY = 100
// Twice what the turnstile lets pass: the turns that are counted here may begin in the middle of its own.
const MOST_IN_ONE_TURN = 64

t.test(`${STORM} readers that come back in one turn of the loop, each with its last event ID`, async (t) => {
  t.setTimeout(110_000)
  const app = Fastify()
  const allHere = gate()
  let here = 0
  let opened = 0
  /** Streams that opened in each turn of the loop, where any did. */
  const turns: number[] = []
  let inTurn = 0
  await app.register(ssePlugin, {
    shutdownTimeout: 0,
    heartbeatInterval: false,
    onSubscribe: () => {
      opened++
      if (inTurn++ === 0) setImmediate(() => { turns.push(inTurn); inTurn = 0 })
    },
    route: {
      preHandler: async ({ headers }) => {
        if (headers['last-event-id'] === undefined) return
        if (++here === STORM) allHere.open()
        await allHere.passed
      }
    }
  })
  const port = await listen(t, app)

  const first = new NumberedReader(port).connect()
  await until(() => first.opens === 1)
  const live = [first, ...Array.from({ length: LIVE - 1 }, () => new NumberedReader(port).connect())]
  await until(() => live.every(({ opens }) => opens === 1))
  const beginning = first.lastEventId!
  let last = 0
  const publish = (): void => { void app.sse.broadcast('message', numbered(++last)) }
  for (let n = 0; n < HISTORY; n++) publish()

  // One event in each turn, from the first of them to the last.
  let publishedDuring = 0
  const storm: NumberedReader[] = []
  const publishing = setInterval(() => {
    if (here < STORM || opened === STORM + LIVE) return
    publishedDuring++
    publish()
  }, 1)
  t.after(() => clearInterval(publishing))
  turns.length = 0
  for (let n = 0; n < STORM; n++) {
    storm.push(new NumberedReader(port).ask(`GET /events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: ${beginning}\r\n\r\n`))
  }
  await until(() => opened === STORM + LIVE)
  clearInterval(publishing)
  publish()
  await until(() => [...live, ...storm].every((reader) => reader.last === last))

  t.ok(Math.max(...turns) <= MOST_IN_ONE_TURN, `at most ${Math.max(...turns)} open in one turn`)
  t.ok(publishedDuring >= 20, `live delivery goes on in between: ${publishedDuring} events`)
  const readers = [...live, ...storm]
  t.strictSame(readers.flatMap(({ faults }) => faults).slice(0, 3), [])
  t.strictSame(readers.filter(({ count, gaps }) => count !== last || gaps.length > 0).length, 0, 'everybody has everything, once')
  t.equal(app.sse.stats().replays, STORM)
  for (const reader of readers) reader.cut()
})
