import { Readable } from 'node:stream'
import { EventStreamParser, type ParsedEvent } from '../client/wire/event-stream-parser.ts'
import { EventTypes } from '../lib/schema/event-types.ts'
import { type Declarations, type EncodedEventsOf } from '../lib/schema/declarations.ts'
import type { RegisteredEvents } from '../lib/augmentable.ts'
import { RESERVED_PREFIX, type PluginEvents } from '../lib/wire/plugin-events.ts'
import type { Sse } from '../lib/api/sse.ts'
import { clearTimeout, monotonicTime, setTimeout } from '../lib/time/timers.ts'

/** As much of a Fastify instance, of any server, as opening a stream takes. */
export interface InjectableApp {
  inject (options: object): PromiseLike<unknown>
  readonly sse?: object
}

export interface OpenStreamOptions<D extends Declarations = Declarations> {
  /**
   * The events of the stream: their types as readers get them, and which of them are text.
   *
   * @defaultValue the events of `app.sse`, typed as they are broadcast; where one has a transform, give them here
   */
  readonly events?: D | undefined
  readonly method?: 'GET' | 'POST' | undefined
  readonly headers?: Record<string, string> | undefined
  /** The body of a POST. */
  readonly payload?: string | object | undefined
  /** Milliseconds that `next` waits at most. @defaultValue 5000 */
  readonly timeout?: number | undefined
}

/** An event as a reader got it. */
export interface ReceivedEvent<K extends string = string, P = unknown> {
  readonly event: K
  /** The payload: text, or parsed JSON, as the event is declared. Where nothing is declared: JSON if it parses, otherwise text. */
  readonly data: P
  /** The last event ID after this event; empty where there was none. */
  readonly id: string
}

type EventName<E> = keyof E & string
type AnyReceived<E> = { [K in EventName<E>]: ReceivedEvent<K, E[K]> }[EventName<E>]

/** What `inject` answers with `payloadAsStream`. */
interface InjectedResponse {
  /** The server's side. */
  readonly raw: { readonly res: { destroy (): unknown } }
  readonly statusCode: number
  readonly headers: Record<string, string | string[] | undefined>
  stream (): Readable
}

/**
 * Opens an event stream of an application within the process: no port, no socket.
 *
 * What it cannot show is back-pressure and the end of connections: those need a real socket.
 *
 * @param app The application. Without `events`, the scope that the plugin was registered in, or one below: its `sse` knows what is text.
 * @throws an Error with the status and the body where the answer is not an event stream.
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
  // A scope above the plugin's has no `sse`: there only the data itself can tell.
  const types = events === undefined ? app.sse as Sse | undefined : await EventTypes.compile([events])
  return new EventStream(response, { timeout, isText: (event) => types?.isText(event) })
}

/**
 * Lets time pass for the event streams of an application, without waiting: heartbeats, `idleTimeout`, `maxLifetime`, `expiresAt`, `maxAge` of the
 * history and `stallTimeout` take the time for real. `Date` and the timers of the test and of the application stay as they are.
 *
 * @param app The application, as for `openStream`: the scope that the plugin was registered in, or one below.
 * @param milliseconds A non-negative integer.
 * @returns Resolves when the streams of `openStream` have read all that became due.
 * @throws a TypeError where the application has no `sse`, and for any other number.
 * @example
 * const stream = await openStream(app, '/events')
 * await advance(app, 3_600_000)
 * assert.equal(stream.ended, true)
 */
export async function advance (app: InjectableApp, milliseconds: number): Promise<void> {
  const sse = app.sse as Sse | undefined
  if (sse === undefined) throw new TypeError('advance: this scope of the application has no event streams; the plugin was registered in another')
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) throw new TypeError(`advance: the milliseconds must be a non-negative integer; they are ${milliseconds}`)
  await sse.advance(milliseconds)
}

interface EventStreamParts {
  readonly timeout: number
  readonly isText: (event: string) => boolean | undefined
}

/**
 * One reader's side of an event stream.
 *
 * @typeParam E Payloads by event, as readers get them.
 */
export class EventStream<E extends object = RegisteredEvents> {
  /** The response headers. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The reconnection time that the stream set last, in milliseconds. */
  reconnectionTime: number | undefined
  /** The last event ID of what was read here: that of the last event taken, not of the last that arrived. */
  lastEventId = ''
  readonly #parts: EventStreamParts
  readonly #response: InjectedResponse
  readonly #body: Readable
  #arrived: ReceivedEvent[] = []
  #ended = false
  /** Those that wait for something to happen. */
  #waiting: Array<() => void> = []

  /** @internal */
  constructor (response: InjectedResponse, parts: EventStreamParts) {
    this.headers = response.headers
    this.#parts = parts
    this.#response = response
    this.#body = response.stream().setEncoding('utf8')
    const parser = new EventStreamParser({
      event: (event) => this.#arrive(event),
      retry: (time) => { this.reconnectionTime = time }
    })
    this.#body.on('data', (piece: string) => parser.push(piece))
    this.#body.on('error', () => {})
    this.#body.once('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  /**
   * The next event, of one type or of any but the plugin's own (`sse.*`). Passes over the events before it: they are gone
   * then, for whoever else waits too.
   *
   * @throws an Error where the stream ends, or nothing comes within the time-out.
   */
  next<K extends EventName<E & PluginEvents>> (event: K): Promise<ReceivedEvent<K, (E & PluginEvents)[K]>>
  next (): Promise<AnyReceived<E>>
  async next (event?: string): Promise<ReceivedEvent> {
    const wanted = event ?? 'event'
    const passed: string[] = []
    const deadline = monotonicTime() + this.#parts.timeout
    for (;;) {
      for (let arrived = this.#take(); arrived !== undefined; arrived = this.#take()) {
        if (event === undefined ? !arrived.event.startsWith(RESERVED_PREFIX) : arrived.event === event) return arrived
        passed.push(arrived.event)
      }
      const since = passed.length === 0 ? 'nothing came' : `there came ${passed.join(', ')}`
      if (this.#ended) throw new Error(`The stream ended before the next ${wanted}; ${since}`)
      if (!await this.#changes(deadline - monotonicTime())) {
        throw new Error(`No ${wanted} within ${this.#parts.timeout} ms; ${since}`)
      }
    }
  }

  /** Every event but the plugin's own, until the stream ends. Leaving the loop closes the stream. */
  async * [Symbol.asyncIterator] (): AsyncGenerator<AnyReceived<E>, void, undefined> {
    try {
      for (;;) {
        const arrived = this.#take()
        if (arrived !== undefined && !arrived.event.startsWith(RESERVED_PREFIX)) yield arrived as AnyReceived<E>
        else if (arrived === undefined && this.#ended) return
        else if (arrived === undefined) await this.#changes(Infinity)
      }
    } finally {
      await this.close()
    }
  }

  /** Whether the stream has ended, from either side. */
  get ended (): boolean { return this.#ended }

  /** Leaves, as a reader does that closes its page. Resolves when the stream is closed on both sides. */
  async close (): Promise<void> {
    // Not an abort signal: Fastify would log an error for each.
    this.#response.raw.res.destroy()
    this.#body.destroy()
    while (!this.#ended) await this.#changes(Infinity)
  }

  #take (): ReceivedEvent | undefined {
    const arrived = this.#arrived.shift()
    if (arrived !== undefined) this.lastEventId = arrived.id
    return arrived
  }

  #arrive ({ type, data, lastEventId }: ParsedEvent): void {
    this.#arrived.push({ event: type, data: this.#read(type, data), id: lastEventId })
    this.#wake()
  }

  #read (event: string, data: string): unknown {
    if (this.#parts.isText(event) === true) return data
    try {
      return JSON.parse(data)
    } catch {
      return data
    }
  }

  #wake (): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Resolves when something arrives or the stream ends; with false when neither happened in time. */
  #changes (milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = milliseconds === Infinity ? undefined : setTimeout(() => resolve(false), milliseconds)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve(true)
      })
    })
  }
}

export type { CloseReason } from '../lib/wire/reasons.ts'
export type { EncodedEventsOf } from '../lib/schema/declarations.ts'
export type { AnyEvents, RegisteredEvents } from '../lib/augmentable.ts'
export type { GapReason } from '../lib/wire/reasons.ts'
export type { Gap, Opening, PluginEvents } from '../lib/wire/plugin-events.ts'
