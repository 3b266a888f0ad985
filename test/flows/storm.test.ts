import Fastify from 'fastify'
import t from 'tap'
import ssePlugin from '../../plugin.ts'
import { NumberedReader, numbered } from './numbered-reader.ts'
import { gate, listen, until } from './raw-reader.ts'

const STORM = 2000
const LIVE = 10
const HISTORY = 100
// A listening socket queues 511 connections, and the kernel may reset further ones. Each request waits in a hook until all have arrived.
const AT_A_TIME = 100
// Twice the opening queue's limit: a turn counted here may include parts of two of its turns.
const MOST_IN_ONE_TURN = 64

t.test(`${STORM} readers that reconnect in one turn of the event loop open a few per turn and get every event once`, async (t) => {
  const app = Fastify()
  const allHere = gate()
  let here = 0
  let opened = 0
  /** The number of streams that opened in each turn, for turns in which any did. */
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

  // One event in each turn, from the first reconnection to the last.
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
    if (storm.length % AT_A_TIME === 0) await until(() => here === storm.length)
  }
  await until(() => opened === STORM + LIVE)
  clearInterval(publishing)
  publish()
  await until(() => [...live, ...storm].every((reader) => reader.last === last))

  t.ok(Math.max(...turns) <= MOST_IN_ONE_TURN, `at most ${Math.max(...turns)} streams open in one turn`)
  t.ok(publishedDuring >= 20, `live delivery goes on meanwhile: ${publishedDuring} events`)
  const readers = [...live, ...storm]
  t.strictSame(readers.flatMap(({ faults }) => faults).slice(0, 3), [])
  t.strictSame(readers.filter(({ count, gaps }) => count !== last || gaps.length > 0).length, 0, 'every reader has every event once')
  t.equal(app.sse.stats().replays, STORM)
  for (const reader of readers) reader.cut()
})
