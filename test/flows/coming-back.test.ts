import { fork } from 'node:child_process'
import { once } from 'node:events'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { NumberedReader, numbered, randomFrom, type ResumeBy } from './numbered-reader.ts'
import { listen, turn, until } from './raw-reader.ts'
import type { Opened, Published } from './replay-server.ts'

const KIB = 1024
const MIB = 1024 * KIB

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
}

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}): Promise<Journey> {
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: 0, ...options })
  return { app, port: await listen(t, app) }
}

/** So many readers, cut after the test. */
function readersOf (t: Test, port: number, count: number, fill = 0): NumberedReader[] {
  const readers = Array.from({ length: count }, () => new NumberedReader(port, fill))
  t.after(() => { for (const { socket } of readers) socket?.destroy() })
  return readers
}

const seed = Math.floor(Math.random() * 2 ** 32)
const READERS = 1000
const CUTS = 4
const FILL = 100

t.test(`1,000 readers that are cut anywhere, and resume while more is published, hear every event once and in order (seed ${seed})`, async (t) => {
  const random = randomFrom(seed)
  const { app, port } = await start(t, { history: { maxEvents: 100_000, maxBytes: 64 * MIB } })
  const readers = readersOf(t, port, READERS, FILL)
  const by = (): ResumeBy => random() < 0.5 ? 'header' : 'query'
  // Within the head, within the first event, or anywhere in some two hundred events.
  const cutAfter = (): number => Math.floor(random() ** 2 * 200 * (FILL + 40))
  const cuts = (): number => readers.reduce((sum, { connections }) => sum + connections - 1, 0)

  for (const reader of readers) reader.connect()
  await until(() => readers.every(({ opens }) => opens === 1))
  for (const reader of readers) {
    reader.cut()
    reader.connect({ by: by(), cutAfter: cutAfter() })
  }
  let published = 0
  while (readers.some(({ connections }) => connections <= CUTS)) {
    // The slowest sets the pace: otherwise most of what is published is published before most of the cuts.
    const most = Math.min(...readers.map(({ last = 0 }) => last)) + 300
    for (let n = Math.floor(random() * 4); n > 0 && published < most; n--) await app.sse.broadcast('message', numbered(++published, FILL))
    for (const reader of readers) {
      if (!reader.closed) continue
      reader.connect({ by: by(), cutAfter: reader.connections < CUTS ? cutAfter() : undefined })
    }
    await turn()
  }
  await app.sse.broadcast('message', numbered(++published, FILL))
  await until(() => readers.every(({ last }) => last === published))
  await turn()
  for (const [index, { first, count, faults, gaps, others, connections }] of readers.entries()) {
    const isWhole = first === 1 && count === published && faults.length === 0 && gaps.length === 0 && others.length === 0
    if (!isWhole) t.fail('lost, doubled or torn', { index, seed, first, count, published, faults, gaps, others, connections })
  }
  const { gaps, replays } = app.sse.stats()
  t.ok(replays > READERS, `${replays} of ${cuts()} comebacks began with what had been missed`)
  t.strictSame(gaps, { evicted: 0, foreign: 0, unknown: 0, future: 0, slow: 0 })
  t.comment(`${published} events, ${cuts()} cuts, ${replays} replays`)
})

const LIVE = 20
const HISTORY = 10_000
const HISTORY_FILL = 140

t.test('10,000 events are replayed to 1,000 readers at once, while 1,000 a second are published', async (t) => {
  const server = fork('test/flows/replay-server.ts', [HISTORY, HISTORY_FILL, 1000, READERS].map(String), { execArgv: ['--import', 'tsx'] })
  t.after(() => server.kill('SIGKILL'))
  const [{ port, beginning }] = await once(server, 'message') as [Opened]
  const live = readersOf(t, port, LIVE, HISTORY_FILL)
  for (const reader of live) reader.connect()
  await until(() => live.every(({ opens }) => opens === 1))
  const readers = readersOf(t, port, READERS, HISTORY_FILL)
  for (const reader of readers) reader.ask(`GET /events?lastEventId=${beginning} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  const replayed = (): number => readers.reduce((sum, { count }) => sum + Math.min(count, HISTORY), 0) / (HISTORY * READERS)
  await until(() => readers.every(({ opens }) => opens === 1))
  const early = replayed()
  await until(() => replayed() === 1)
  const stopped = once(server, 'message') as Promise<[Published]>
  server.send('stop')
  const [{ last, longestTurn, quarters, gaps, replays }] = await stopped
  await until(() => [...live, ...readers].every((reader) => reader.last === last))

  t.test('each gets all of it and all that was published, in order, once', async (t) => {
    for (const { first, count, faults, gaps } of readers) {
      if (first !== 1 || count !== last || faults.length > 0 || gaps.length > 0) t.fail('lost, doubled or torn', { first, count, last, faults, gaps })
    }
    t.equal(replays, READERS)
    t.ok(early < 0.5, `${Math.round(100 * early)} % were replayed before the last came`)
    t.strictSame(gaps, { evicted: 0, foreign: 0, unknown: 0, future: 0, slow: 0 })
  })

  t.test('those who were there before get what is published in every quarter of the replay', async (t) => {
    for (const { first, count, faults } of live) {
      if (first !== HISTORY + 1 || count !== last - HISTORY || faults.length > 0) t.fail('lost, doubled or torn', { first, count, last, faults })
    }
    t.equal(quarters.length, 4)
    const starved = live.filter((_reader, at) => quarters.some((numbers, quarter) => numbers[at]! <= (quarters[quarter - 1]?.[at] ?? HISTORY)))
    t.equal(starved.length, 0, JSON.stringify(quarters.map((numbers) => Math.min(...numbers))))
  })

  t.test('no turn of the event loop takes the server more than 50 ms of work', async (t) => {
    t.ok(longestTurn > 0 && longestTurn <= 50, `${longestTurn.toFixed(1)} ms`)
  })
})

t.test('a reader that takes one byte at a time', async (t) => {
  const FILL = 4 * KIB
  const EVENTS = 5000
  const BYTES = 3000

  /** Reads byte by byte, each in a turn of its own in which more is published; then as fast as it can. */
  const readSlowlyThenFast = async (t: Test, maxBytes: number): Promise<{ reader: NumberedReader, lag: number, app: FastifyInstance }> => {
    const { app, port } = await start(t, { stallTimeout: false, maxBacklogBytes: 64 * KIB, history: { maxBytes } })
    const [reader] = readersOf(t, port, 1, FILL) as [NumberedReader]
    reader.connect({ paused: true })
    const { socket } = reader
    socket.on('readable', () => {})
    await until(() => app.sse.count() === 1)
    let published = 0
    const publish = (): void => { void app.sse.broadcast('message', numbered(++published, FILL)) }
    for (let bytes = 0; bytes < BYTES;) {
      const byte = socket.read(1) as Buffer | null
      if (byte === null) await turn()
      else bytes++
      if (byte !== null) reader.push(byte)
      // The first bytes come before the first event.
      if (bytes > BYTES / 10 && published < EVENTS) publish()
      if (bytes % 10 === 0) await turn()
      if (byte === null && published === 0) publish()
    }
    while (published < EVENTS) {
      publish()
      await turn()
    }
    const { lag } = app.sse.stats()
    socket.removeAllListeners('readable')
    reader.resume()
    await until(() => reader.last === EVENTS)
    return { reader, lag, app }
  }

  t.test('gets everything, where the log still has it', async (t) => {
    const { reader: { first, count, faults, gaps }, lag, app } = await readSlowlyThenFast(t, 64 * MIB)
    t.ok(lag > 0, `${lag} behind`)
    t.strictSame({ first, count, faults, gaps }, { first: 1, count: EVENTS, faults: [], gaps: [] })
    t.equal(app.sse.stats().gaps.slow, 0)
  })

  t.test('is told of a gap, and gets everything that the log still has', async (t) => {
    const { reader: { first, count, faults, gaps }, lag, app } = await readSlowlyThenFast(t, MIB)
    t.ok(lag > 0, `${lag} behind`)
    t.strictSame({ first, faults }, { first: 1, faults: [] })
    t.strictSame(gaps.map(({ reason }) => reason), ['slow'])
    t.ok(count < EVENTS)
    t.equal(Number(gaps[0]!.oldestEventId!.split('.')[1]), EVENTS - Math.floor(MIB / (FILL + 40)) + 1, 'the oldest that is kept')
    t.equal(app.sse.stats().gaps.slow, 1)
  })
})
