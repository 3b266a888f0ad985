import type { Readable } from 'node:stream'
import { EventStreamParser, type ParsedEvent } from '../client/wire/event-stream-parser.ts'
import type { RegisteredEvents } from '../lib/augmentable.ts'
import { clearTimeout, monotonicTime, setTimeout } from '../lib/time/timers.ts'
import { RESERVED_PREFIX, type PluginEvents } from '../lib/wire/plugin-events.ts'

/** An event as a reader receives it. */
export interface ReceivedEvent<K extends string = string, P = unknown> {
  /** The event type. */
  readonly event: K
  /** The payload: text or parsed JSON, as declared. If nothing is declared: JSON if it parses, otherwise text. */
  readonly data: P
  /** The last event ID after this event; empty if there is none. */
  readonly id: string
}

type EventName<E> = keyof E & string
type AnyReceived<E> = { [K in EventName<E>]: ReceivedEvent<K, E[K]> }[EventName<E>]

/** The response of `inject` with `payloadAsStream`. */
export interface InjectedResponse {
  /** The response object on the server's side. */
  readonly raw: { readonly res: { destroy (): unknown } }
  readonly statusCode: number
  readonly headers: Record<string, string | string[] | undefined>
  stream (): Readable
}

interface EventStreamParts {
  readonly timeout: number
  readonly isText: (event: string) => boolean | undefined
}

/**
 * The reader's side of an event stream that `openStream` has opened.
 *
 * @typeParam E The payload types by event, as readers receive them.
 * @see docs/testing.md
 */
export class EventStream<E extends object = RegisteredEvents> {
  /** The response headers. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The reconnection time that the stream set last, in milliseconds; undefined if it set none. */
  reconnectionTime: number | undefined
  /** The last event ID after the event that was read last. Events that have arrived and not been read do not count. */
  lastEventId = ''
  readonly #parts: EventStreamParts
  readonly #response: InjectedResponse
  readonly #body: Readable
  #arrived: ReceivedEvent[] = []
  #ended = false
  /** Called once with the next arrival, or at the end of the stream. */
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
   * Reads the next event of a type; if no type is given, the next event that is not the plugin's own (`sse.*`). Events before it are skipped
   * for all pending calls.
   *
   * @param event The event type.
   * @returns A promise of the event.
   * @throws Error when the stream ends first, or no such event arrives within `timeout`.
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
      const since = `received ${passed.length === 0 ? 'nothing' : passed.join(', ')}`
      if (this.#ended) throw new Error(`The stream ended before the next ${wanted}; ${since}`)
      if (!await this.#changes(deadline - monotonicTime())) {
        throw new Error(`No ${wanted} within ${this.#parts.timeout} ms; ${since}`)
      }
    }
  }

  /** Iterates over all events except the plugin's own (`sse.*`), until the stream ends. Leaving the loop closes the stream. */
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

  /** True if the stream has ended, on either side. */
  get ended (): boolean { return this.#ended }

  /** Closes the stream, like a reader that closes its page. @returns A promise that resolves when the stream is closed on both sides. */
  async close (): Promise<void> {
    // Fastify logs an error for every request that an abort signal ends.
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

  /** Waits until an event arrives or the stream ends. @returns False if neither happens in time. */
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
