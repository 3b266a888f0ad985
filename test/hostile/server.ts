import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { listen, parseEvents, RawReader, until, type RawAnswer } from '../flows/raw-reader.ts'

// A server that records what happens, and the proof that it is intact: shared by the tests with hostile input.

export type Options = Omit<SsePluginOptions, 'prefix'>

export interface Unhurt {
  readonly app: FastifyInstance
  readonly port: number
  readonly opened: Subscriber[]
  readonly closes: CloseReason[]
  /** Log lines at `error` and above. */
  readonly logged: unknown[]
  /** Checks that a new reader gets a broadcast, that no subscriber is left once it leaves, and that no error was logged. */
  servesOthers (t: Test): Promise<void>
}

/** Starts a server with the plugin, and with a route `GET /plain`. */
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

/** The bytes of a request; Latin-1 characters go to the wire unchanged. */
export function requestOf (...lines: string[]): Buffer {
  return Buffer.from([...lines, '', ''].join('\r\n'), 'latin1')
}

/** Sends one request on a new connection; waits for the complete response, or for the first event of a stream. */
export async function ask (t: Test, port: number, ...lines: string[]): Promise<RawAnswer> {
  const reader = await RawReader.connect(t, port)
  reader.socket.write(requestOf(...lines))
  await reader.sees(({ answers: [answer] }) => answer?.complete === true || parseEvents(answer?.body ?? '').length > 0)
  reader.socket.destroy()
  return reader.answers[0]!
}

/** Checks that a response holds nothing of an event stream. */
export function isPlain (t: Test, { headers, body }: RawAnswer): void {
  t.notMatch(headers['content-type']?.[0] ?? '', 'event-stream')
  t.notOk(headers['x-accel-buffering'])
  t.notMatch(body, 'sse.open')
}
