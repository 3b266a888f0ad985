import type { Sse } from '../lib/api/sse.ts'
import type { RegisteredEvents } from '../lib/augmentable.ts'
import type { Declarations, EncodedEventsOf } from '../lib/schema/declarations.ts'
import { EventTypes } from '../lib/schema/event-types.ts'
import { EventStream, type InjectedResponse } from './event-stream.ts'

// The test helpers for applications: event streams without a socket, and time that passes on request.

/** The part of a Fastify instance that the helpers use, whatever the type of its server. */
export interface InjectableApp {
  inject (options: object): PromiseLike<unknown>
  readonly sse?: object
}

/** The options of `openStream`, all of them optional. */
export interface OpenStreamOptions<D extends Declarations = Declarations> {
  /**
   * The declaration of the events of the stream. It gives the payload types that readers receive, and tells text from JSON.
   *
   * @defaultValue the events of `app.sse`, with the types that are broadcast; declare them here if one has a transform
   */
  readonly events?: D | undefined
  /** The method of the request. @defaultValue 'GET' */
  readonly method?: 'GET' | 'POST' | undefined
  /** Request headers, in addition to `accept: text/event-stream`, which they may replace. @defaultValue none */
  readonly headers?: Record<string, string> | undefined
  /** The body of a POST. @defaultValue none */
  readonly payload?: string | object | undefined
  /** The longest time, in milliseconds, that `next` waits for an event. @defaultValue 5000 */
  readonly timeout?: number | undefined
}

/**
 * Opens an event stream of an application within the process, without a port or a socket.
 *
 * Back-pressure and broken connections cannot be tested in this way: they need a real socket.
 *
 * @typeParam D The declaration given as `events`.
 * @param app The application. If `events` is absent, the scope in which the plugin was registered, or a scope below it, whose `sse` tells text
 * from JSON.
 * @param url The path of the stream, with its query.
 * @param options The request, and the time limit of `next`.
 * @returns The stream, as soon as the response head has arrived.
 * @throws Error when the response is not an event stream; the message contains its status and its body.
 * @see docs/testing.md
 * @example
 * const stream = await openStream(app, '/events')
 * const { data } = await stream.next('order.updated')
 * await stream.close()
 */
export async function openStream<D extends Declarations = never> (
  app: InjectableApp,
  url: string,
  { events, method = 'GET', headers = {}, payload, timeout = 5000 }: OpenStreamOptions<D> = {}
): Promise<EventStream<[D] extends [never] ? RegisteredEvents : EncodedEventsOf<D>>> {
  const response = await app.inject({
    method,
    url,
    headers: { accept: 'text/event-stream', ...headers },
    ...(payload === undefined ? {} : { payload }),
    payloadAsStream: true
  }) as InjectedResponse
  const type = String(response.headers['content-type'])
  if (response.statusCode !== 200 || !type.startsWith('text/event-stream')) {
    const body = await response.stream().setEncoding('utf8').toArray()
    throw new Error(`${method} ${url} answered ${response.statusCode} ${type}, not an event stream: ${body.join('')}`)
  }
  // A scope above the plugin's has no `sse`, so the data itself decides what is JSON.
  const types = events === undefined ? app.sse as Sse | undefined : await EventTypes.compile([events])
  return new EventStream(response, { timeout, isText: (event) => types?.isText(event) })
}

/**
 * Advances the clock of an application's event streams without waiting: heartbeats, `idleTimeout`, `maxLifetime`, `expiresAt`, `maxAge` of the
 * history and `stallTimeout` follow it. `Date` and the timers of the test and of the application do not change.
 *
 * @param app The application: the scope in which the plugin was registered, or a scope below it.
 * @param milliseconds The time to advance, an integer of at least 0.
 * @returns A promise that resolves when the streams of `openStream` have read everything that became due.
 * @throws TypeError when `app` has no `sse`, or `milliseconds` is invalid.
 * @see docs/testing.md
 * @example
 * const stream = await openStream(app, '/events')
 * await advance(app, 3_600_000)
 * assert.equal(stream.ended, true)
 */
export async function advance (app: InjectableApp, milliseconds: number): Promise<void> {
  const sse = app.sse as Sse | undefined
  if (sse === undefined) throw new TypeError('advance: this scope of the application has no event streams; the plugin was registered in another')
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) {
    throw new TypeError(`advance: "milliseconds" must be an integer of at least 0; it is ${milliseconds}`)
  }
  await sse.advance(milliseconds)
}

export { EventStream }
export { brokerContract } from './contract/broker-contract.ts'
export type { BrokerHarness, BrokerTest } from './contract/broker-contract.ts'
export type { ReceivedEvent } from './event-stream.ts'
export type { Gap, Opening, PluginEvents } from '../lib/wire/plugin-events.ts'
export type { CloseReason } from '../lib/wire/reasons.ts'
export type { EncodedEventsOf } from '../lib/schema/declarations.ts'
export type { AnyEvents, RegisteredEvents } from '../lib/augmentable.ts'
export type { GapReason } from '../lib/wire/reasons.ts'
