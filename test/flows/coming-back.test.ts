import { fork } from 'node:child_process'
import { once } from 'node:events'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { TYPESCRIPT } from '../support/child.ts'
import { NumberedReader, numbered, randomFrom, type ResumeBy, type ToldGap } from './numbered-reader.ts'
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
  // No heartbeats: on a busy machine a journey takes longer than their interval.
  await app.register(ssePlugin, { shutdownTimeout: 0, heartbeatInterval: false, ...options })
  return { app, port: await listen(t, app) }
}

/** Creates `count` readers; disconnects them after the test. */
function readersOf (t: Test, port: number, count: number, fill = 0): NumberedReader[] {
  const readers = Array.from({ length: count }, () => new NumberedReader(port, fill))
  t.after(() => { for (const { socket } of readers) socket?.destroy() })
  return readers
}

/** A reader with a fault or a gap has failed: there is nothing to wait for. */
const isWrong = ({ faults, gaps }: NumberedReader): boolean => faults.length > 0 || gaps.length > 0

const seed = Math.floor(Math.random() * 2 ** 32)
const READERS = 300
const CUTS = 4
const FILL = 100

t.test(`${READERS} readers that are cut at random bytes, and resume while events are published, get every event once and in order (seed ${seed})`, async (t) => {
  const random = randomFrom(seed)
  const { app, port } = await start(t, { history: { maxEvents: 100_000, maxBytes: 64 * MIB } })
  const readers = readersOf(t, port, READERS, FILL)
  const by = (): ResumeBy => random() < 0.5 ? 'header' : 'query'
  // Within the head, within the first event, or anywhere in about two hundred events.
  const cutAfter = (): number => Math.floor(random() ** 2 * 200 * (FILL + 40))
  const cuts = (): number => readers.reduce((sum, { connections }) => sum + connections - 1, 0)

  for (const reader of readers) reader.connect()
  await until(() => readers.every(({ opens }) => opens === 1))
  for (const reader of readers) {
    reader.cut()
    reader.connect({ by: by(), cutAfter: cutAfter() })
  }
  let published = 0
  while (readers.some(({ connections }) => connections <= CUTS) && !readers.some(isWrong)) {
    // The slowest reader sets the pace: otherwise most events would be published before most of the cuts.
    const most = Math.min(...readers.map(({ last = 0 }) => last)) + 300
    for (let n = Math.floor(random() * 4); n > 0 && published < most; n--) await app.sse.broadcast('message', numbered(++published, FILL))
    for (const reader of readers) {
      if (!reader.closed) continue
      reader.connect({ by: by(), cutAfter: reader.connections < CUTS ? cutAfter() : undefined })
    }
    await turn()
  }
  await app.sse.broadcast('message', numbered(++published, FILL))
  await until(() => readers.every(({ last }) => last === published) || readers.some(isWrong))
  await turn()
  for (const [index, { first, count, faults, gaps, others, connections }] of readers.entries()) {
    const isWhole = first === 1 && count === published && faults.length === 0 && gaps.length === 0 && others.length === 0
    if (!isWhole) t.fail('lost, duplicated or torn', { index, seed, first, count, published, faults, gaps, others, connections })
  }
  const { gaps, replays } = app.sse.stats()
  t.ok(replays > READERS, `${replays} of ${cuts()} reconnections began with a replay`)
  t.strictSame(gaps, { evicted: 0, foreign: 0, unknown: 0, future: 0, slow: 0 })
  t.comment(`${published} events, ${cuts()} cuts, ${replays} replays`)
})

const LIVE = 20
const COMEBACKS = 1000
const HISTORY = 6000
const HISTORY_FILL = 140

t.test('while 6,000 events are replayed to 1,000 readers and 1,000 a second are published,', async (t) => {
  const server = fork('test/flows/replay-server.ts', [HISTORY, HISTORY_FILL, 1000, COMEBACKS].map(String), TYPESCRIPT)
  t.after(() => server.kill('SIGKILL'))
  const [{ port, beginning }] = await once(server, 'message') as [Opened]
  const live = readersOf(t, port, LIVE, HISTORY_FILL)
  for (const reader of live) reader.connect()
  await until(() => live.every(({ opens }) => opens === 1))
  const readers = readersOf(t, port, COMEBACKS, HISTORY_FILL)
  for (const reader of readers) reader.ask(`GET /events?lastEventId=${beginning} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
  const replayed = (): number => readers.reduce((sum, { count }) => sum + Math.min(count, HISTORY), 0) / (HISTORY * COMEBACKS)
  await until(() => readers.every(({ opens }) => opens === 1))
  const early = replayed()
  await until(() => replayed() === 1 || readers.some(isWrong))
  const stopped = once(server, 'message') as Promise<[Published]>
  server.send('stop')
  const [{ last, longestTurn, quarters, gaps, replays }] = await stopped
  await until(() => [...live, ...readers].every((reader) => reader.last === last) || readers.some(isWrong))

  t.test('each reader gets every replayed and every new event, in order, once', async (t) => {
    for (const { first, count, faults, gaps } of readers) {
      if (first !== 1 || count !== last || faults.length > 0 || gaps.length > 0) t.fail('lost, duplicated or torn', { first, count, last, faults, gaps })
    }
    t.equal(replays, COMEBACKS)
    t.ok(early < 0.75, `${Math.round(100 * early)} % were replayed before the last reader had a stream`)
    t.strictSame(gaps, { evicted: 0, foreign: 0, unknown: 0, future: 0, slow: 0 })
  })

  t.test('earlier readers get new events in every quarter of the replay', async (t) => {
    for (const { first, count, faults } of live) {
      if (first !== HISTORY + 1 || count !== last - HISTORY || faults.length > 0) t.fail('lost, duplicated or torn', { first, count, last, faults })
    }
    t.equal(quarters.length, 4)
    const starved = live.filter((_reader, at) => quarters.some((numbers, quarter) => numbers[at]! <= (quarters[quarter - 1]?.[at] ?? HISTORY)))
    t.equal(starved.length, 0, JSON.stringify(quarters.map((numbers) => Math.min(...numbers))))
  })

  t.test('no turn of the event loop takes more than 50 ms of CPU time on the server', async (t) => {
    t.ok(longestTurn > 0 && longestTurn <= 50, `${longestTurn.toFixed(1)} ms`)
  })
})

t.test('a reader that takes one byte at a time', async (t) => {
  const FILL = 4 * KIB
  const EVENTS = 5000
  const BYTES = 3000

  /** Reads one byte per published event, then as fast as it can. */
  const readSlowlyThenFast = async (t: Test, maxBytes: number): Promise<{ reader: NumberedReader, lag: number, app: FastifyInstance }> => {
    const { app, port } = await start(t, { stallTimeout: false, maxBacklogBytes: 64 * KIB, history: { maxBytes } })
    const [reader] = readersOf(t, port, 1, FILL) as [NumberedReader]
    reader.connect({ paused: true })
    const { socket } = reader
    // Node reads nothing from a socket without a listener.
    const ignore = (): void => {}
    socket.on('readable', ignore)
    await until(() => app.sse.count() === 1)
    let bytes = 0
    for (let number = 1; number <= EVENTS; number++) {
      void app.sse.broadcast('message', numbered(number, FILL))
      await turn()
      const byte = bytes < BYTES ? socket.read(1) as Buffer | null : null
      if (byte === null) continue
      bytes++
      reader.push(byte)
    }
    t.equal(bytes, BYTES)
    const { lag } = app.sse.stats()
    socket.off('readable', ignore)
    reader.resume()
    await until(() => reader.last === EVENTS)
    return { reader, lag, app }
  }

  t.test('gets every event, if the log still holds them all', async (t) => {
    const { reader: { first, count, faults, gaps }, lag, app } = await readSlowlyThenFast(t, 64 * MIB)
    t.ok(lag > 0, `${lag} behind`)
    t.strictSame({ first, count, faults, gaps }, { first: 1, count: EVENTS, faults: [], gaps: [] })
    t.equal(app.sse.stats().gaps.slow, 0)
  })

  t.test('gets a gap and every event that the log still holds', async (t) => {
    const { reader: { first, count, faults, gaps }, lag, app } = await readSlowlyThenFast(t, MIB)
    t.ok(lag > 0, `${lag} behind`)
    t.strictSame({ first, faults }, { first: 1, faults: [] })
    t.strictSame(gaps.map(({ reason }) => reason), ['slow'])
    t.ok(count < EVENTS)
    t.equal(Number(gaps[0]!.oldestEventId!.split('.')[1]), EVENTS - Math.floor(MIB / (FILL + 40)) + 1, 'the oldest kept event')
    t.equal(app.sse.stats().gaps.slow, 1)
  })
})

t.test('the start position of a reader with a last event ID', async (t) => {
  /** The beginning of a stream: its gaps, and its first and last number. */
  interface Heard { readonly gaps: ToldGap[], readonly numbers: [number | undefined, number | undefined], readonly id: string }

  const hear = async (t: Test, port: number, last: number | undefined, head: { query?: string, header?: string, path?: string }): Promise<Heard> => {
    const { query, header, path = '/events' } = head
    const reader = new NumberedReader(port)
    t.after(() => reader.socket.destroy())
    const line = header === undefined ? '' : `last-event-id: ${header}\r\n`
    reader.ask(`GET ${path}${query === undefined ? '' : `?lastEventId=${encodeURIComponent(query)}`} HTTP/1.1\r\nhost: localhost\r\n${line}\r\n`)
    await until(() => reader.opens === 1 && reader.last === last)
    await turn()
    t.strictSame(reader.faults, [])
    reader.cut()
    return { gaps: reader.gaps, numbers: [reader.first, reader.last], id: reader.lastEventId! }
  }

  const publish = async ({ app }: Journey, from: number, to: number): Promise<string[]> => {
    const ids: string[] = []
    for (let number = from; number <= to; number++) ids.push((await app.sse.broadcast('message', numbered(number))).id!)
    return ids
  }

  t.test('depends on the position of that id relative to the log, by header and by query', async (t) => {
    const journey = await start(t, { history: { maxEvents: 10 } })
    const { app, port } = journey
    const beginning = app.sse.lastEventId!
    const ids = await publish(journey, 1, 20)
    await turn()
    const [epoch] = beginning.split('.')
    const oldestEventId = ids[10]!
    const cases: Array<[string, string, ToldGap[], number | undefined]> = [
      ['in the log: the later events', ids[14]!, [], 16],
      ['just before the oldest: every kept event', ids[9]!, [], 11],
      ['evicted: a gap, and every kept event', ids[4]!, [{ reason: 'evicted', lastEventId: ids[4]!, oldestEventId }], 11],
      ['of another epoch: a gap, and every kept event', 'zzzzzzzzzz.7', [{ reason: 'foreign', lastEventId: 'zzzzzzzzzz.7', oldestEventId }], 11],
      ['malformed: a gap without the id, and every kept event', 'yesterday', [{ reason: 'unknown', oldestEventId }], 11],
      ['ahead of the log: a gap, and live events', `${epoch}.21`, [{ reason: 'future', lastEventId: `${epoch}.21` }], undefined],
      ['the newest: live events', ids[19]!, [], undefined]
    ]
    for (const [title, id, gaps, first] of cases) {
      for (const by of ['header', 'query']) {
        const heard = await hear(t, port, first && 20, { [by]: id })
        t.strictSame(heard, { gaps, numbers: [first, first && 20], id: ids[19] }, `${title} (${by})`)
      }
    }
  })

  t.test('comes from the header, if the query holds another id', async (t) => {
    const journey = await start(t)
    const ids = await publish(journey, 1, 20)
    const { numbers } = await hear(t, journey.port, 20, { query: ids[4]!, header: ids[11]! })
    t.strictSame(numbers, [13, 20])
  })

  t.test('moves behind a gap with the id of `sse.gap`, which causes no second gap', async (t) => {
    const journey = await start(t, { history: { maxEvents: 10 } })
    const ids = await publish(journey, 1, 20)
    await turn()
    const reader = new NumberedReader(journey.port)
    t.after(() => reader.socket.destroy())
    reader.ask(`GET /events?lastEventId=${ids[0]} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    await until(() => reader.gaps.length === 1)
    reader.cut()
    t.equal(reader.gapId, ids[9])
    // Simulates a connection that was cut right after `sse.gap`.
    const again = await hear(t, journey.port, 20, { header: reader.gapId! })
    t.strictSame(again, { gaps: [], numbers: [11, 20], id: ids[19] })
  })

  t.test('is after the `app.sse.lastEventId` of a snapshot: no event in between is missed', async (t) => {
    const journey = await start(t)
    await publish(journey, 1, 5)
    const snapshot = { sum: 5, lastEventId: journey.app.sse.lastEventId! }
    await publish(journey, 6, 9)
    const { numbers, gaps } = await hear(t, journey.port, 9, { query: snapshot.lastEventId })
    t.strictSame({ numbers, gaps }, { numbers: [snapshot.sum + 1, 9], gaps: [] })
  })

  t.test('comes from the option `from` only without an id, or with `resume: false`', async (t) => {
    const app = Fastify()
    await app.register(ssePlugin, { shutdownTimeout: 0, heartbeatInterval: false, history: { maxEvents: 10 } })
    app.get('/all', async (_request, reply) => { await app.sse.subscribe(reply, { from: 'oldest' }) })
    app.get('/always', async (_request, reply) => { await app.sse.subscribe(reply, { from: 'oldest', resume: false }) })
    app.get('/now', async (_request, reply) => { await app.sse.subscribe(reply, { resume: false }) })
    const journey = { app, port: await listen(t, app) }
    const ids = await publish(journey, 1, 20)
    await turn()
    const after = async (path: string, header?: string): Promise<unknown> => {
      const { numbers, gaps } = await hear(t, journey.port, 20, { path, ...header === undefined ? {} : { header } })
      return { numbers, gaps }
    }
    t.strictSame(await after('/all'), { numbers: [11, 20], gaps: [] })
    t.strictSame(await after('/all', ids[14]!), { numbers: [16, 20], gaps: [] })
    t.match(await after('/all', ids[0]!), { numbers: [11, 20], gaps: [{ reason: 'evicted' }] })
    for (const header of [undefined, ids[0]!, ids[14]!]) t.strictSame(await after('/always', header), { numbers: [11, 20], gaps: [] })
    const { numbers } = await hear(t, journey.port, undefined, { path: '/now', header: ids[14]! })
    t.strictSame(numbers, [undefined, undefined])
  })

  t.test('is right after the event with a custom id, even if the application used that id twice', async (t) => {
    const journey = await start(t, { history: { maxEvents: 10 } })
    const { app, port } = journey
    const seen: string[] = []
    for (const [at, id] of ['order 7', 'order 8', 'order 9', 'order 7', 'order 10'].entries()) {
      seen.push((await app.sse.broadcast('message', numbered(at + 1), { id })).id!)
    }
    const after = async (lastEventId: string, last: number | undefined): Promise<unknown> => {
      const byHeader = await hear(t, port, last, { header: lastEventId })
      t.strictSame(await hear(t, port, last, { query: lastEventId }), byHeader)
      return { numbers: byHeader.numbers, gaps: byHeader.gaps }
    }
    for (const [at, id] of seen.slice(0, 4).entries()) t.strictSame(await after(id, 5), { numbers: [at + 2, 5], gaps: [] }, id)
    t.match(await after('order 7', 5), { numbers: [1, 5], gaps: [{ reason: 'unknown' }] }, 'the bare id is ambiguous')
    const later = await publish(journey, 6, 20)
    await turn()
    t.strictSame(await after(seen[0]!, 20), { numbers: [11, 20], gaps: [{ reason: 'evicted', lastEventId: seen[0]!.split('@')[1], oldestEventId: later[5] }] })

    const restarted = await start(t)
    await restarted.app.sse.broadcast('message', numbered(1), { id: 'order 7' })
    await publish(restarted, 2, 3)
    const { numbers, gaps } = await hear(t, restarted.port, 3, { header: seen[0]! })
    t.match({ numbers, gaps }, { numbers: [1, 3], gaps: [{ reason: 'foreign' }] }, 'after a restart')
  })

  t.test('is the head of the log after a gap with `afterGap: \'live\'`: a made-up id causes no replay', async (t) => {
    const journey = await start(t, { afterGap: 'live' })
    const ids = await publish(journey, 1, 20)
    const reader = new NumberedReader(journey.port)
    t.after(() => reader.socket.destroy())
    reader.ask('GET /events?lastEventId=made-up HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await until(() => reader.gaps.length === 1)
    await publish(journey, 21, 21)
    await until(() => reader.last === 21)
    t.match(reader.gaps, [{ reason: 'unknown' }])
    t.equal(reader.first, 21)
    t.strictSame((await hear(t, journey.port, 21, { header: ids[9]! })).numbers, [11, 21], 'a valid id gets its replay')
  })
})
