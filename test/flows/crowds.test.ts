import { fork } from 'node:child_process'
import { once, type EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { EVERYBODY, type SsePluginOptions } from '../../plugin.ts'
import { NumberedReader, numbered, settlesAt, usedBytes } from './numbered-reader.ts'
import { listen, until } from './raw-reader.ts'
import type { Visits } from './visitors.ts'

const MIB = 1024 * 1024

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  /** The server's side of every connection that is open. */
  readonly sockets: Set<Socket>
}

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}): Promise<Journey> {
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: 0, ...options })
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return { app, port: await listen(t, app), sockets }
}

t.test('500 readers of 1,000 events that are broadcast in one loop', async (t) => {
  const { app, port, sockets } = await start(t)
  const readers = Array.from({ length: 500 }, () => new NumberedReader(port, 20).connect())
  t.after(() => { for (const { socket } of readers) socket.destroy() })
  await until(() => readers.every(({ opens }) => opens === 1))
  const handed = (): number => [...sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
  const before = handed()
  for (let n = 1; n <= 1000; n++) void app.sse.broadcast('message', numbered(n, 20))
  const after = handed()
  const { deliveries } = app.sse.stats()
  await until(() => readers.every(({ last }) => last === 1000))

  t.equal(after - before, 0, 'nothing is written within the loop')
  t.equal(deliveries, 0)
  t.equal(app.sse.stats().deliveries, 500_000)
  t.equal(readers.reduce((sum, { count }) => sum + count, 0), 500_000)
  for (const { first, count, faults, gaps } of readers) {
    if (first !== 1 || count !== 1000 || faults.length > 0 || gaps.length > 0) t.fail('lost, doubled or torn', { first, count, faults, gaps })
  }
})

function listenersOf (emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}

// Every second connection asks for four streams at once.
const STREAMS_PER_CONNECTION = 2.5
const CONNECTIONS = 40_000
const STREAMS = CONNECTIONS * STREAMS_PER_CONNECTION
const WARM_UP = 6000

t.test('100,000 streams that open and close, of 200 readers at a time who leave cleanly, with a reset or before they read, leave nothing behind', async (t) => {
  let closes = 0
  const { app, port, sockets } = await start(t, {
    subscribe: ({ query }) => ({ channels: [EVERYBODY, `room ${(query as { room: string }).room}`] }),
    onClose: () => { closes++ }
  })
  const visitors = fork('test/flows/visitors.ts', { execArgv: ['--import', 'tsx'] })
  t.after(() => visitors.kill('SIGKILL'))
  const visit = async (count: number): Promise<void> => {
    visitors.send({ port, count, atATime: 200 } satisfies Visits)
    await once(visitors, 'message')
    await until(() => sockets.size === 0)
  }
  const listeners = (): number => [app.server, process].reduce((sum, emitter) => sum + listenersOf(emitter), 0)

  await visit(WARM_UP)
  const before = { used: usedBytes(), listeners: listeners() }
  const closesBefore = closes
  const most = { subscribers: 0, views: 0 }
  const looking = setInterval(() => {
    const { subscribers, views } = app.sse.stats()
    most.subscribers = Math.max(most.subscribers, subscribers)
    most.views = Math.max(most.views, views)
  }, 10)
  await visit(CONNECTIONS)
  clearInterval(looking)

  const stats = app.sse.stats()
  t.ok(closes - closesBefore > STREAMS * 0.99, `${closes - closesBefore} streams opened and closed; at most ${most.subscribers} at a time, with ${most.views} sets of channels`)
  t.equal(stats.closes.reader, closes)
  t.ok(most.views > 10)
  t.equal(stats.subscribers, 0)
  t.equal(stats.channels, 0)
  t.equal(stats.views, 0)
  t.strictSame([...app.sse.subscribers()], [])
  t.equal(listeners(), before.listeners)
  const grown = await settlesAt(before.used + MIB) - before.used
  t.ok(grown < MIB, `${Math.round(grown / 1024)} KiB more than after the first ${WARM_UP}`)
})
