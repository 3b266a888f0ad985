import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { listen, parseEvents, RawReader, until, type RawAnswer } from '../flows/raw-reader.ts'

// What the hostile ones share: a server that remembers what it was told, and the proof that it came through unhurt.

export type Options = Omit<SsePluginOptions, 'prefix'>

export interface Unhurt {
  readonly app: FastifyInstance
  readonly port: number
  readonly opened: Subscriber[]
  readonly closes: CloseReason[]
  /** What was logged at `error` and above. */
  readonly logged: unknown[]
  /** A fresh reader gets what is broadcast, and when it has left nobody is counted and no error was logged. */
  servesOthers (t: Test): Promise<void>
}

/** A server with the plugin, `GET /plain` beside it. */
export async function start (t: Test, options: Options = {}, ofServer: FastifyServerOptions = {}): Promise<Unhurt> {
  const opened: Subscriber[] = []
  const closes: CloseReason[] = []
  const logged: unknown[] = []
  const write = (line: string): void => { logged.push(JSON.parse(line)) }
  const app = Fastify({ logger: { level: 'error', stream: { write } }, ...ofServer }) as FastifyInstance
  await app.register(ssePlugin, {
    onSubscribe: (subscriber) => { opened.push(subscriber) },
    onClose: (_subscriber, reason) => { closes.push(reason) },
    ...options
  })
  app.get('/plain', async () => 'plain')
  const port = await listen(t, app)

  async function servesOthers (t: Test): Promise<void> {
    await until(() => app.sse.count() === 0)
    const reader = await (await RawReader.connect(t, port)).ask('GET /events').seesEvents('sse.open')
    t.equal(app.sse.count(), 1)
    await app.sse.broadcast('message', 'to a normal reader')
    await reader.seesEvents(undefined)
    t.equal(reader.events.at(-1)!.data, 'to a normal reader')
    reader.socket.destroy()
    await until(() => app.sse.count() === 0)
    t.strictSame(logged, [])
  }

  return { app, port, opened, closes, logged, servesOthers }
}

/** A request as bytes: what it says in latin1 stands on the wire as it is. */
export function requestOf (...lines: string[]): Buffer {
  return Buffer.from([...lines, '', ''].join('\r\n'), 'latin1')
}

/** Asks for one thing on a connection of its own; waits for the whole answer, or for the first event of a stream. */
export async function ask (t: Test, port: number, ...lines: string[]): Promise<RawAnswer> {
  const reader = await RawReader.connect(t, port)
  reader.socket.write(requestOf(...lines))
  await reader.sees(({ answers: [answer] }) => answer?.complete === true || parseEvents(answer?.body ?? '').length > 0)
  reader.socket.destroy()
  return reader.answers[0]!
}

/** Nothing of an event stream is in an answer that is none. */
export function isPlain (t: Test, { headers, body }: RawAnswer): void {
  t.notMatch(headers['content-type']?.[0] ?? '', 'event-stream')
  t.notOk(headers['x-accel-buffering'])
  t.notMatch(body, 'sse.open')
}
