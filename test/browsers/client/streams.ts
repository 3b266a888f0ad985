import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin, { type SsePluginOptions } from '../../../plugin.ts'

/** A server of streams, closed at the end of the test. */
export interface Streams {
  /** The application; each restart replaces it. */
  app: FastifyInstance
  readonly port: number
  readonly url: string
  /** Every request for the stream, in order: method and URL. */
  readonly asked: string[]
  /** Broadcasts the next number, from 0 on. */
  next (): Promise<unknown>
  /** The number of broadcasts. */
  count: number
  stop (): Promise<void>
  /** Starts a new server on the previous port. */
  start (): Promise<void>
}

type Options = Omit<SsePluginOptions, 'prefix'>

export async function startStreams (t: Test, options: Options = {}, adorn: (app: FastifyInstance) => Promise<void> = async () => {}): Promise<Streams> {
  let port = 0
  const asked: string[] = []
  const open = async (): Promise<FastifyInstance> => {
    const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
    app.addHook('onRequest', async ({ method, url }) => { if (url.startsWith('/events')) asked.push(`${method} ${url}`) })
    await adorn(app)
    await app.register(ssePlugin, { reconnectionTime: { min: 100, max: 300 }, ...options })
    await app.listen({ host: 'localhost', port })
    return app
  }
  const app = await open()
  port = portOf(app)
  const streams: Streams = {
    app,
    port,
    url: `http://localhost:${port}/events`,
    asked,
    count: 0,
    next: () => streams.app.sse.broadcast('message', streams.count++),
    stop: () => streams.app.close(),
    start: async () => { streams.app = await open() }
  }
  t.teardown(() => streams.app.close())
  return streams
}

/** Broadcasts the next number at an interval. @returns A function that stops the broadcasts. */
export function keepBroadcasting (t: Test, streams: Streams, milliseconds: number): () => void {
  const timer = setInterval(() => { void streams.next() }, milliseconds)
  const end = (): void => clearInterval(timer)
  t.teardown(end)
  return end
}

export const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, n) => from + n)
