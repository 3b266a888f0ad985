import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { listen, RawReader, until } from '../flows/raw-reader.ts'

/** A server in the process of the test, with a record of its streams and its log. */
export interface Watched {
  readonly app: FastifyInstance
  readonly port: number
  /** Every subscriber whose stream opened. */
  readonly opened: Subscriber[]
  /** Every close, in order. */
  readonly closes: Array<{ subscriber: Subscriber, reason: CloseReason }>
  /** The server's side of every connection, in order. */
  readonly sockets: Socket[]
  /** Log lines at `warn` and above. */
  readonly complaints: unknown[]
}

export async function startWatched (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}, ofServer: FastifyServerOptions = {}): Promise<Watched> {
  const complaints: unknown[] = []
  const opened: Subscriber[] = []
  const closes: Watched['closes'] = []
  const app = Fastify({
    logger: { level: 'warn', stream: { write: (line: string) => { complaints.push(JSON.parse(line)) } } }, ...ofServer
  }) as FastifyInstance
  await app.register(ssePlugin, {
    shutdownTimeout: 0,
    onSubscribe: (subscriber) => { opened.push(subscriber) },
    onClose: (subscriber, reason) => { closes.push({ subscriber, reason }) },
    ...options
  })
  app.get('/plain', async () => 'plain')
  const sockets: Socket[] = []
  app.server.on('connection', (socket) => { sockets.push(socket) })
  return { app, port: await listen(t, app), opened, closes, sockets, complaints }
}

export interface Opened {
  readonly reader: RawReader
  readonly subscriber: Subscriber
  readonly socket: Socket
}

/** Opens a stream. @returns The reader, its subscriber and its socket on the server. Calls must not overlap. */
export async function openRaw (t: Test, watched: Watched, ...headers: string[]): Promise<Opened> {
  const { opened, sockets, port } = watched
  const before = opened.length
  const reader = (await RawReader.connect(t, port)).ask(['GET /events', ...headers].join('\n'))
  await until(() => opened.length > before)
  return { reader, subscriber: opened[before]!, socket: sockets.at(-1)! }
}

/** Opens several streams, one after the other. */
export async function openSeveral (t: Test, watched: Watched, count: number, ...headers: string[]): Promise<Opened[]> {
  const several: Opened[] = []
  while (several.length < count) several.push(await openRaw(t, watched, ...headers))
  return several
}
