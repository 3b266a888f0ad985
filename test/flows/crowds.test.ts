import { connect, type Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { NumberedReader, numbered, settlesAt, usedBytes } from './numbered-reader.ts'
import { listen, until } from './raw-reader.ts'

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

/** How a reader leaves. */
const WAYS: ReadonlyArray<(socket: Socket) => void> = [
  // After its stream opened, with a FIN.
  (socket) => socket.once('data', () => socket.end()),
  // After its stream opened, with a RST.
  (socket) => socket.once('data', () => socket.resetAndDestroy()),
  // Before it has read anything.
  (socket) => socket.once('connect', () => setImmediate(() => socket.destroy())),
  (socket) => socket.once('connect', () => setImmediate(() => socket.resetAndDestroy()))
]

/** Resolves when it has come and gone. */
function visit (port: number, number: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /events?room=${number % 1000} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    WAYS[number % WAYS.length]!(socket)
    socket.resume()
    socket.on('error', () => {})
    socket.once('close', () => resolve())
  })
}

/** So many visits, a few hundred at a time. */
async function visits (port: number, from: number, to: number, atATime = 200): Promise<void> {
  let next = from
  const line = async (): Promise<void> => { while (next < to) await visit(port, next++) }
  await Promise.all(Array.from({ length: atATime }, line))
}

t.test('100,000', async (t) => {
  let opened = 0
  const { app, port, sockets } = await start(t, {
    onSubscribe: () => { opened++ },
    subscribe: (request) => ({ channels: ['everybody', `room ${(request.query as { room: string }).room}`] })
  })
  await visits(port, 0, 5000)
  await until(() => sockets.size === 0)
  const before = usedBytes()
  const began = performance.now()
  await visits(port, 5000, 25_000)
  await until(() => sockets.size === 0)
  console.error(performance.now() - began, opened, app.sse.stats(), usedBytes() - before)
  void settlesAt
  void MIB
})
