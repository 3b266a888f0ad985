import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Delivery } from '../../lib/subscribers/delivery.ts'
import { View } from '../../lib/cursor/view.ts'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { MEASURED, TYPESCRIPT } from '../support/child.ts'
import { createFanOut } from '../support/fan-out.ts'
import type { Remains } from './crowd-server.ts'
import { NumberedReader, numbered, settlesAt, usedBytes } from './numbered-reader.ts'
import { listen, turn, until } from './raw-reader.ts'
import type { Visits } from './visitors.ts'

const MIB = 1024 * 1024
// Makes a thousand events larger than one batch.
const FILL = 100

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  /** The server's side of every open connection. */
  readonly sockets: Set<Socket>
}

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}): Promise<Journey> {
  const app = Fastify()
  // No heartbeats: on a busy machine a journey takes longer than their interval.
  await app.register(ssePlugin, { shutdownTimeout: 0, heartbeatInterval: false, ...options })
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return { app, port: await listen(t, app), sockets }
}

t.test('500 readers get all 1,000 events broadcast in one loop, although `history` keeps 100, and the loop writes none itself', async (t) => {
  const { app, port, sockets } = await start(t, { history: { maxEvents: 100 } })
  const readers = Array.from({ length: 500 }, () => new NumberedReader(port, FILL).connect())
  t.after(() => { for (const { socket } of readers) socket.destroy() })
  await until(() => readers.every(({ opens }) => opens === 1))
  const handed = (): number => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
  const before = handed()
  for (let n = 1; n <= 1000; n++) void app.sse.broadcast('message', numbered(n, FILL))
  const after = handed()
  const { deliveries } = app.sse.stats()
  await until(() => readers.every(({ last }) => last === 1000) || readers.some(({ faults, gaps }) => faults.length > 0 || gaps.length > 0))

  t.equal(after - before, 0, 'nothing is written within the loop')
  t.equal(deliveries, 0)
  t.equal(app.sse.stats().deliveries, 500_000)
  t.equal(readers.reduce((sum, { count }) => sum + count, 0), 500_000)
  for (const { first, count, faults, gaps } of readers) {
    if (first !== 1 || count !== 1000 || faults.length > 0 || gaps.length > 0) t.fail('lost, duplicated or torn', { first, count, faults, gaps })
  }
})

const CONNECTIONS = 15_000
const WARM_UP = 5_000
// 26 bytes for each connection: an empty object and its place in a list take more than 50. Observed without a leak: from -215 to 70 KiB in all.
const ALLOWED = 384 * 1024

t.test('15,000 readers, 200 at a time, that leave with a FIN, with a RST, or before they read, leave no memory or listener behind', async (t) => {
  const [server, visitors] = [fork('test/flows/crowd-server.ts', MEASURED), fork('test/flows/visitors.ts', TYPESCRIPT)]
  const died = new AbortController()
  for (const child of [server, visitors]) child.once('exit', () => died.abort())
  t.after(() => { for (const child of [server, visitors]) child.kill('SIGKILL') })
  const messageOf = async <T>(child: ChildProcess): Promise<T> => (await once(child, 'message', died))[0] as T
  const port = await messageOf<number>(server)
  /**
   * What is left after so many more readers have come and gone. Measured once the heap has settled: after a warm-up V8 drops as much compiled code
   * as a leak takes.
   */
  const visit = async (count: number, atMost = 0): Promise<Remains> => {
    visitors.send({ port, count, atATime: 200 } satisfies Visits)
    await messageOf(visitors)
    server.send(atMost)
    return messageOf(server)
  }
  const before = await visit(WARM_UP)
  const { used, listeners, closes, stats, found, most } = await visit(CONNECTIONS, before.used + ALLOWED)

  t.ok(closes - before.closes > CONNECTIONS * 0.99, `${closes - before.closes} streams opened and closed; at most ${most.subscribers} at a time, with ${most.views} sets of channels`)
  t.equal(stats.closes.reader, closes)
  t.ok(most.views > 10)
  t.equal(stats.subscribers, 0)
  t.equal(stats.channels, 0)
  t.equal(stats.views, 0)
  t.equal(found, 0)
  t.equal(listeners, before.listeners)
  const grown = used - before.used
  t.ok(grown < ALLOWED, `${Math.round(grown / 1024)} KiB more than after the first ${WARM_UP}`)
})

/** Calls `read` whenever a getter of a class is read. */
function watch (t: Test, prototype: object, name: string, read: (object: object) => void): void {
  const { get } = Object.getOwnPropertyDescriptor(prototype, name)!
  t.after(() => Object.defineProperty(prototype, name, { get: get!, configurable: true }))
  Object.defineProperty(prototype, name, {
    configurable: true,
    get (this: object) {
      read(this)
      return get!.call(this)
    }
  })
}

t.test('with 2,000 distinct sets of channels a broadcast to one channel visits its subscribers alone', async (t) => {
  const SETS = 2000
  const ROOMS = 100
  const BROADCASTS = 10_000
  const KEPT = 500
  const { channels, views, hub, log, publish, subscribe } = createFanOut({ maxEvents: KEPT })
  const open = Array.from({ length: SETS }, (_, n) => subscribe(0, [`room ${n % ROOMS}`, `user ${n}`]))
  const rooms = Array.from({ length: ROOMS }, (_, room) => open.filter((_, at) => at % ROOMS === room))
  t.equal(views.size, SETS)
  let looks = 0
  const deliveries = new Set<object>()
  const visited = new Set<object>()
  watch(t, Delivery.prototype, 'waiting', (delivery) => { looks++; deliveries.add(delivery) })
  watch(t, View.prototype, 'head', (view) => { looks++; visited.add(view) })

  let halfway = 0
  for (let n = 0; n < BROADCASTS; n++) {
    const toRoom = n % 2 === 0
    const heardBy = toRoom ? rooms[n % ROOMS]! : [open[n % SETS]!]
    deliveries.clear()
    visited.clear()
    looks = 0
    publish(String(n), { channels: [toRoom ? `room ${n % ROOMS}` : `user ${n % SETS}`] })
    // The pump was scheduled earlier. A busy machine may split its sweep over two turns.
    do await turn(); while (heardBy.some(({ writer }) => writer.writes.length === 0))
    for (const { writer } of heardBy) if (writer.data.length !== 1 || writer.data[0] !== String(n)) t.fail('lost or duplicated', { n, data: writer.data })
    if (deliveries.size !== heardBy.length || visited.size !== heardBy.length) t.fail('it visited others', { n, deliveries: deliveries.size, views: visited.size })
    if (looks > 10 * heardBy.length) t.fail('it visited subscribers repeatedly', { n, looks })
    for (const { writer } of heardBy) writer.writes.length = writer.events.length = 0
    if (n === BROADCASTS / 2) halfway = usedBytes()
  }
  t.ok(open.every(({ writer }) => writer.writes.length === 0), 'no subscriber got an event of another channel')
  t.equal(hub.counters.deliveries, BROADCASTS / 2 * (1 + SETS / ROOMS))
  t.equal(log.size, KEPT)
  const grown = await settlesAt(halfway + MIB) - halfway
  t.ok(grown < MIB, `${Math.round(grown / 1024)} KiB more than halfway`)

  for (const { writer } of open) writer.destroy()
  t.equal(hub.size, 0)
  t.equal(hub.channels, 0)
  t.equal(views.size, 0)
  t.ok(channels.size <= KEPT, `${channels.size} channels have kept entries`)
})
