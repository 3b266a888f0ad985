import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Fastify, { type FastifyInstance } from 'fastify'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { listen, turn, until } from './raw-reader.ts'

const KIB = 1024
const MIB = 1024 * KIB

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  /** The server's side of every connection, in order. */
  readonly sockets: Socket[]
}

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}): Promise<Journey> {
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: 0, heartbeatInterval: false, ...options })
  const sockets: Socket[] = []
  app.server.on('connection', (socket) => { sockets.push(socket) })
  return { app, port: await listen(t, app), sockets }
}

interface Gap { readonly reason: string, readonly oldestEventId?: string }

/** The offset in an event ID. */
const offsetOf = (id: string | undefined): number => Number(id?.split('.')[1])

/** A reader that keeps only numbers: any substring, even an event ID, would retain the source text, 40 MB in all. */
class Reader {
  readonly events: Array<{ isGap: boolean, isOurs: boolean, offset: number, number: number }> = []
  readonly gaps: Gap[] = []
  readonly socket: Socket
  /** The latest fault in the bytes, if any. */
  torn: string | undefined
  #rest: Buffer = Buffer.alloc(0)
  #inHead = true
  readonly #parser = createParser({ onEvent: (event) => this.#keep(event), onError: (error) => { this.torn = error.message } })

  constructor (socket: Socket) {
    this.socket = socket
    socket.on('data', (piece: Buffer) => {
      this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
      this.#take()
    })
  }

  static async open (t: Test, port: number): Promise<Reader> {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    const reader = new Reader(socket)
    socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await until(() => reader.events.length === 1)
    return reader
  }

  /** The leading numbers of the payloads, in order of arrival. */
  get numbers (): number[] { return this.events.filter(({ isOurs }) => !isOurs).map(({ number }) => number) }

  /** The leading number of the newest event. */
  get last (): number | undefined { return this.events.at(-1)?.number }

  get offsets (): number[] { return this.events.filter(({ isOurs }) => !isOurs).map(({ offset }) => offset) }

  #keep ({ event, id, data }: EventSourceMessage): void {
    if (event === 'sse.gap') this.gaps.push(JSON.parse(data))
    if (event === undefined && !/^\d+ x*;$/.test(data)) this.torn = `not a payload: ${data.slice(0, 50)}`
    this.events.push({ isGap: event === 'sse.gap', isOurs: event !== undefined, offset: offsetOf(id), number: parseInt(data, 10) })
  }

  #take (): void {
    if (this.#inHead) {
      const end = this.#rest.indexOf('\r\n\r\n')
      if (end === -1) return
      this.#inHead = false
      this.#rest = this.#rest.subarray(end + 4)
    }
    for (;;) {
      const lineEnd = this.#rest.indexOf('\r\n')
      if (lineEnd === -1) return
      const end = lineEnd + 2 + parseInt(this.#rest.toString('latin1', 0, lineEnd), 16)
      if (this.#rest.length < end + 2) return
      if (this.#rest.toString('latin1', end, end + 2) !== '\r\n') this.torn = 'a chunk does not end where its head says'
      this.#parser.feed(this.#rest.toString('utf8', lineEnd + 2, end))
      this.#rest = this.#rest.subarray(end + 2)
    }
  }
}

/** The numbers from `from` up to, but not including, `to`. */
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n)

function ascends (numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || number > numbers[at - 1]!)
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes that this process uses after a garbage collection. */
function usedBytes (): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const PAYLOAD_BYTES = 20 * KIB
const EVENTS = 2000

/** Broadcasts numbered events, 40 MB in all, ten per turn of the event loop. */
async function flood ({ app }: Journey, each: (sent: number) => unknown = () => {}): Promise<void> {
  for (let n = 0; n < EVENTS; n++) {
    void app.sse.broadcast('message', `${n} ${'x'.repeat(PAYLOAD_BYTES)};`)
    if (n % 10 === 9) {
      await turn()
      await each(n + 1)
    }
  }
}

/** Checks that no event is torn, duplicated or missing, except where a gap reports the loss. */
function checkWholeButForGaps (t: Test, { events, gaps, torn }: Reader, last: number): void {
  t.equal(torn, undefined)
  const toldOf = [...gaps]
  let gap: Gap | undefined
  let expected = 0
  for (const { isGap, offset, number } of events.slice(1)) {
    if (isGap) {
      gap = toldOf.shift()!
      if (gap.reason !== 'slow') t.fail('unexpected reason of a gap', gap)
      continue
    }
    if (gap === undefined && number !== expected) t.fail('an event is missing or duplicated, and no gap reports it', { expected, number })
    if (gap !== undefined && (number <= expected || offsetOf(gap.oldestEventId) !== offset)) t.fail('a gap reports another loss than the actual one', { expected, number, gap, offset })
    gap = undefined
    expected = number + 1
  }
  t.equal(expected, last + 1)
}

t.test('a reader that stops reading', async (t) => {
  t.test('costs the other readers no event, its socket at most `maxBacklogBytes` plus one batch, and the process no memory', async (t) => {
    const maxBacklogBytes = 128 * KIB
    const journey = await start(t, { maxBacklogBytes, history: { maxBytes: MIB } })
    const stalled = await Reader.open(t, journey.port)
    const [socket] = journey.sockets
    const others = await Promise.all(range(0, 5).map(() => Reader.open(t, journey.port)))
    stalled.socket.pause()
    const before = usedBytes()
    let most = 0
    await flood(journey, (sent) => {
      most = Math.max(most, socket!.writableLength)
      return until(() => others.every(({ events }) => events.length === sent + 1))
    })
    for (const other of others) {
      t.strictSame(other.numbers, range(0, EVENTS))
      t.strictSame(other.gaps, [])
      t.equal(other.torn, undefined)
    }
    t.ok(most > maxBacklogBytes, `the socket is full: ${most}`)
    t.ok(most <= maxBacklogBytes + 64 * KIB + 100, `${most} bytes`)
    // V8 frees buffers a few turns later, on a background thread.
    let grown = Infinity
    for (let n = 0; n < 50 && grown > 5 * MIB; n++) {
      await turn()
      grown = usedBytes() - before
    }
    t.ok(grown < 5 * MIB, `${Math.round(grown / KIB)} KiB more than before 40 MB were broadcast`)
    t.equal(journey.app.sse.count(), 6)
    t.equal(stalled.events.length, 1)
  })

  t.test('gets every event when it resumes, if the log still holds them all', async (t) => {
    const journey = await start(t, { history: { maxBytes: 64 * MIB } })
    const stalled = await Reader.open(t, journey.port)
    stalled.socket.pause()
    await flood(journey)
    t.ok(journey.app.sse.stats().lag > EVENTS / 2, 'the reader is far behind')
    stalled.socket.resume()
    await until(() => stalled.events.length >= EVENTS + 1)
    await turn()
    t.strictSame(stalled.numbers, range(0, EVENTS))
    t.ok(ascends(stalled.offsets))
    t.strictSame(stalled.gaps, [])
    t.equal(stalled.torn, undefined)
    t.equal(journey.app.sse.stats().lag, 0)
  })

  t.test('gets a gap when it resumes after the log evicted events, then the rest and every later event', async (t) => {
    const journey = await start(t, { history: { maxBytes: 2 * MIB } })
    const stalled = await Reader.open(t, journey.port)
    stalled.socket.pause()
    await flood(journey)
    stalled.socket.resume()
    await until(() => stalled.last === EVENTS - 1)
    await journey.app.sse.broadcast('message', `${EVENTS} x;`)
    await until(() => stalled.last === EVENTS)
    t.ok(stalled.gaps.length > 0, 'at least one gap')
    checkWholeButForGaps(t, stalled, EVENTS)
    t.equal(journey.app.sse.stats().gaps.slow, stalled.gaps.length)
  })

  t.test('gets each loss reported as a gap when it stalls repeatedly', async (t) => {
    const journey = await start(t, { maxBacklogBytes: 10 * KIB, history: { maxBytes: 2 * MIB } })
    const stalled = await Reader.open(t, journey.port)
    let turns = 0
    await flood(journey, () => {
      if (turns++ % 20 < 19) stalled.socket.pause()
      else stalled.socket.resume()
    })
    stalled.socket.resume()
    await until(() => stalled.last === EVENTS - 1)
    t.ok(stalled.gaps.length > 1, `${stalled.gaps.length} gaps`)
    checkWholeButForGaps(t, stalled, EVENTS - 1)
  })
})

/** Broadcasts a thousand events in one loop, and a thousand more while the first thousand are being delivered. */
async function burst (t: Test, count: number, payload: string): Promise<void> {
  const journey = await start(t, { history: { maxEvents: 10 } })
  const readers: Reader[] = []
  while (readers.length < count) readers.push(...await Promise.all(range(0, 50).map(() => Reader.open(t, journey.port))))
  t.equal(journey.app.sse.count(), count)
  for (let n = 0; n < 1000; n++) void journey.app.sse.broadcast('message', `${n} ${payload};`)
  while (journey.app.sse.stats().deliveries === 0) await turn()
  for (let n = 1000; n < 2000; n++) void journey.app.sse.broadcast('message', `${n} ${payload};`)
  await until(() => readers.every(({ last }) => last === 1999))
  const expected = range(0, 2000)
  for (const { numbers, offsets, torn, gaps } of readers) {
    const inOrder = numbers.length === 2000 && numbers.every((number, at) => number === expected[at]) && ascends(offsets)
    if (!inOrder || torn !== undefined || gaps.length > 0) t.fail('lost, duplicated or torn', { first: numbers[0], count: numbers.length, torn, gaps })
  }
  t.equal(journey.app.sse.stats().deliveries, 2000 * count)
  for (const { socket } of readers) socket.destroy()
  await until(() => journey.app.sse.count() === 0)
}

t.test('500 readers get 1,000 events of one synchronous loop and 1,000 more during their delivery, although `history` keeps ten', async (t) => {
  await burst(t, 500, 'x')
})

t.test('200 readers get all events of such a burst when it is larger than one batch of 64 KiB', async (t) => {
  await burst(t, 200, 'x'.repeat(60))
})
