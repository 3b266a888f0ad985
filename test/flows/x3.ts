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
