import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { block, NumberedReader, numbered, settlesAt, usedBytes, type ConnectOptions } from './numbered-reader.ts'
import { listen, turn, until } from './raw-reader.ts'

const KIB = 1024
const MIB = 1024 * KIB
const FILL = 32 * KIB

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  readonly closes: Array<{ subscriber: Subscriber, reason: CloseReason }>
}

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}): Promise<Journey> {
  const closes: Journey['closes'] = []
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: 0, onClose: (subscriber, reason) => { closes.push({ subscriber, reason }) }, ...options })
  return { app, port: await listen(t, app), closes }
}

/** Opens streams for `count` readers, one after the other. */
async function open (t: Test, { app, port }: Journey, count: number, options: ConnectOptions = {}): Promise<NumberedReader[]> {
  const readers: NumberedReader[] = []
  t.after(() => { for (const { socket } of readers) socket.destroy() })
  while (readers.length < count) {
    const before = app.sse.count()
    readers.push(new NumberedReader(port, FILL).connect(options))
    await until(() => app.sse.count() > before)
  }
  return readers
}

/** Broadcasts the numbered events `from` to `to`, of 32 KiB each, and awaits `each` after every one. */
async function broadcast ({ app }: Journey, from: number, to: number, each: (number: number) => unknown = turn): Promise<void> {
  for (let number = from; number <= to; number++) {
    await app.sse.broadcast('message', numbered(number, FILL))
    await each(number)
  }
}

function checkWhole (t: Test, readers: readonly NumberedReader[], last: number): void {
  for (const reader of readers) {
    const { first, count, faults, gaps, closed } = reader
    if (first !== 1 || count !== last || faults.length > 0 || gaps.length > 0 || closed) t.fail('lost, duplicated, torn or cut', { first, count, faults, gaps, closed })
  }
}

t.test('while five of 25 readers never read and 400 events of 32 KiB are published,', async (t) => {
  const EVENTS = 400
  const maxBacklogBytes = 128 * KIB
  const maxBytes = MIB
  const stalledOf = async (t: Test, stallTimeout: number | false): Promise<Journey & { healthy: NumberedReader[], stalled: NumberedReader[] }> => {
    const journey = await start(t, { maxBacklogBytes, stallTimeout, history: { maxBytes } })
    const stalled = await open(t, journey, 5, { paused: true })
    return { ...journey, stalled, healthy: await open(t, journey, 20) }
  }

  t.test('the other 20 get all 8,000, and the five cost no more than the log, plus a full socket and a batch each', async (t) => {
    const journey = await stalledOf(t, false)
    const { app, healthy, stalled } = journey
    const before = usedBytes()
    // Paused readers of this process hold up to 64 KiB that their sockets have read; 2 MiB are for everything else.
    const allowed = maxBytes + stalled.length * (maxBacklogBytes + 64 * KIB) + stalled.length * 64 * KIB + 2 * MIB
    let most = 0
    await broadcast(journey, 1, EVENTS, async (number) => {
      await until(() => healthy.every(({ last }) => last === number))
      if (number % 100 === 0) most = Math.max(most, await settlesAt(before + allowed) - before)
    })
    t.ok(app.sse.stats().lag > 0, 'the five are behind')
    t.equal(healthy.reduce((sum, { count }) => sum + count, 0), 8000)
    checkWhole(t, healthy, EVENTS)
    t.ok(most <= allowed, `${Math.round(most / KIB)} of ${Math.round(allowed / KIB)} KiB`)

    for (const reader of stalled) reader.resume()
    await until(() => stalled.every(({ last }) => last === EVENTS))
    for (const { first, count, gaps, faults } of stalled) {
      t.ok(first === 1 && gaps.length === 1 && gaps[0]!.reason === 'slow' && count < EVENTS, 'it gets one gap when it resumes, and the rest')
      t.strictSame(faults, [])
    }
    t.equal(app.sse.stats().gaps.slow, 5)
  })

  t.test('the five are cut after `stallTimeout`, and no other reader is', async (t) => {
    const journey = await stalledOf(t, 300)
    const { app, closes, healthy } = journey
    const five = [...app.sse.subscribers()].slice(0, 5)
    await broadcast(journey, 1, EVENTS, (number) => until(() => healthy.every(({ last, closed }) => last === number || closed)))
    await until(() => closes.length >= 5)
    checkWhole(t, healthy, EVENTS)
    t.strictSame(closes.map(({ reason }) => reason), Array(5).fill('stalled'))
    t.ok(closes.every(({ subscriber }) => five.includes(subscriber)))
    t.equal(app.sse.stats().closes.stalled, 5)
    t.equal(app.sse.count(), 20)
  })
})

t.test('with `slowSubscriber: \'close\'` a reader that fell out of the log is ended cleanly and gets the gap `evicted` when it reconnects', async (t) => {
  const journey = await start(t, { slowSubscriber: 'close', stallTimeout: false, maxBacklogBytes: 64 * KIB, history: { maxBytes: MIB } })
  const { app, closes } = journey
  const [reader] = await open(t, journey, 1, { paused: true }) as [NumberedReader]
  await broadcast(journey, 1, 400)
  t.strictSame(closes, [], 'it stays open until the reader has taken what its socket holds')
  reader.resume()
  await until(() => reader.complete && closes.length === 1)
  const { last } = reader
  t.equal(closes[0]!.reason, 'slow')
  t.strictSame(reader.gaps, [])
  t.ok(reader.first === 1 && last! < 360)
  reader.cut()

  const id = reader.lastEventId!
  reader.connect({ by: 'header' })
  await until(() => reader.last === 400)
  t.equal(reader.gaps.length, 1)
  t.match(reader.gaps[0], { reason: 'evicted', lastEventId: id })
  t.strictSame(reader.faults, [])
  const { closes: counts, gaps } = app.sse.stats()
  t.equal(counts.slow, 1)
  t.match(gaps, { evicted: 1, slow: 0 })
})

t.test('`stallTimeout`', async (t) => {
  /** Reads at least this many bytes per second, by the clock of this process, however rarely a busy machine lets the process run. */
  const sip = (t: Test, reader: NumberedReader, bytesPerSecond: number): void => {
    const began = performance.now()
    let taken = 0
    const take = (): void => {
      const due = (performance.now() - began) / 1000 * bytesPerSecond
      while (taken < due) {
        const piece = reader.socket.read() as Buffer | null
        if (piece === null) return
        taken += piece.length
        reader.push(piece)
      }
    }
    const timer = setInterval(take, 20)
    t.after(() => clearInterval(timer))
    reader.socket.on('readable', take)
  }

  for (const maxBacklogBytes of [256 * KIB, 16 * MIB]) {
    t.test(`spares a reader that reads more slowly than events are published, although bytes always wait; maxBacklogBytes: ${maxBacklogBytes}`, async (t) => {
      const journey = await start(t, { stallTimeout: 1000, maxBacklogBytes, history: { maxBytes: 64 * MIB } })
      const { app, closes } = journey
      const [slow] = await open(t, journey, 1, { paused: true }) as [NumberedReader]
      // Begins before the broadcasts: on a busy machine those take longer than the timeout.
      sip(t, slow, 6.25 * MIB)
      let published = 1200
      await broadcast(journey, 1, published)
      const began = performance.now()
      let sleeping = 0
      while (closes.length === 0 && performance.now() - began < 4000) {
        // It is always some 30 MiB behind, and the log keeps more.
        if (published - slow.count < 1000) await broadcast(journey, published + 1, published += 10)
        if (app.sse.stats().lag === 0 && maxBacklogBytes < MIB) sleeping++
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      t.strictSame(closes.map(({ reason }) => reason), [])
      t.equal(sleeping, 0, 'the reader never caught up')
      t.ok(slow.count > 100, `${slow.count} events`)
    })
  }

  t.test('cuts a reader that reads nothing, even far below `maxBacklogBytes`', async (t) => {
    const journey = await start(t, { stallTimeout: 200, maxBacklogBytes: 1024 * MIB, history: { maxBytes: 64 * MIB } })
    const { app, closes } = journey
    await open(t, journey, 1, { paused: true })
    await broadcast(journey, 1, 400)
    await until(() => app.sse.stats().lag === 0)
    await until(() => closes.length === 1)
    t.equal(closes[0]!.reason, 'stalled')
    t.equal(app.sse.stats().closes.stalled, 1)
  })

  t.test('spares idle readers for which no bytes wait', async (t) => {
    const journey = await start(t, { stallTimeout: 50, history: { maxBytes: 64 * MIB } })
    const { app, closes } = journey
    const [idle] = await open(t, journey, 1, { paused: true })
    // Three stalled readers are cut meanwhile, which proves that the checks go on.
    for (let n = 0; n < 3; n++) {
      const [other] = await open(t, journey, 1, { paused: true })
      const subscriber = [...app.sse.subscribers()].at(-1)!
      while (closes.length === n) {
        await subscriber.send('message', numbered(1, FILL))
        await turn()
      }
      t.equal(closes[n]!.subscriber, subscriber)
      other!.cut()
    }
    t.equal(app.sse.count(), 1)
    t.notOk(idle!.closed)
  })

  t.test('spares a reader that a blocked event loop could not serve in time', async (t) => {
    const journey = await start(t, { stallTimeout: 1000, maxBacklogBytes: 64 * MIB, history: { maxBytes: 64 * MIB } })
    const { closes } = journey
    const [reader] = await open(t, journey, 1, { paused: true }) as [NumberedReader]
    await broadcast(journey, 1, 400)
    // Longer than the interval of the checks, shorter than the timeout.
    await new Promise((resolve) => setTimeout(resolve, 400))
    t.strictSame(closes, [])
    reader.resume()
    block(1100)
    await until(() => closes.length > 0 || reader.last === 400)
    t.strictSame(closes.map(({ reason }) => reason), [])
  })
})

t.test('`stats().closes` counts each close by its reason', async (t) => {
  const { app, port, closes } = await start(t)
  const readers = Array.from({ length: 3 }, () => new NumberedReader(port, FILL).connect())
  t.after(() => { for (const { socket } of readers) socket.destroy() })
  await until(() => readers.every(({ opens }) => opens === 1))
  const [first, second] = [...app.sse.subscribers()]
  t.equal(await app.sse.disconnect((subscriber) => subscriber === first), 1)
  second!.close()
  await until(() => closes.length === 2)
  for (const { socket } of readers) socket.destroy()
  await until(() => closes.length === 3)
  t.match(app.sse.stats().closes, { revoked: 1, ended: 1, reader: 1, stalled: 0, slow: 0, shutdown: 0, error: 0 })
  t.strictSame(app.sse.stats().gaps, { evicted: 0, foreign: 0, unknown: 0, future: 0, slow: 0 })
})
