import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { gate, listen, RawReader, turn } from './raw-reader.ts'

// A server that records what happens, and its readers: shared by the tests about the lifetime of streams.

export interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  readonly opened: Subscriber[]
  readonly closes: CloseReason[]
  /** The server's side of every connection, in order. */
  readonly sockets: Socket[]
  /** Log lines at `error` and above. */
  readonly errors: Array<{ err: { message: string, code?: string } }>
}

interface Circumstances {
  readonly ofServer?: FastifyServerOptions
  /** Runs before the plugin is registered. */
  readonly prepare?: (app: FastifyInstance) => void
  /** Runs after the plugin is registered, and before the application listens. */
  readonly complete?: (app: FastifyInstance) => unknown
}

export async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}, { ofServer = {}, prepare, complete }: Circumstances = {}): Promise<Journey> {
  const errors: Journey['errors'] = []
  const write = (line: string): void => { errors.push(JSON.parse(line)) }
  const app = Fastify({ logger: { level: 'error', stream: { write } }, ...ofServer }) as FastifyInstance
  prepare?.(app)
  const opened: Subscriber[] = []
  const closes: CloseReason[] = []
  await app.register(ssePlugin, {
    onSubscribe: (subscriber) => { opened.push(subscriber) },
    onClose: (_subscriber, reason) => { closes.push(reason) },
    ...options
  })
  await complete?.(app)
  const sockets: Socket[] = []
  app.server.on('connection', (socket) => { sockets.push(socket) })
  return { app, port: await listen(t, app), opened, closes, sockets, errors }
}

export async function openStream (t: Test, port: number, request = 'GET /events'): Promise<RawReader> {
  return (await RawReader.connect(t, port)).ask(request).seesEvents('sse.open')
}

/** Opens a stream, stops reading, and broadcasts until more bytes wait on the server's side than any kernel buffers. */
export async function openStalled (t: Test, { app, port, sockets }: Journey): Promise<RawReader> {
  const reader = await openStream(t, port)
  reader.socket.pause()
  const socket = sockets.at(-1)!
  while (socket.writableLength < 100_000) {
    await app.sse.broadcast('message', 'x'.repeat(500_000))
    await turn()
  }
  return reader
}

export async function millisecondsOf (work: () => PromiseLike<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** A hook that holds its request until the test releases it. */
export interface Holding {
  /** Resolves when the first request is held. */
  readonly entered: Promise<void>
  readonly hook: () => Promise<void>
  release (): void
}

export function holding (): Holding {
  const entered = gate()
  const released = gate()
  const hook = async (): Promise<void> => {
    entered.open()
    await released.passed
  }
  return { entered: entered.passed, hook, release: () => released.open() }
}
