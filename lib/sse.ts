import type { FastifyBaseLogger } from 'fastify'
import type { Broadcast, Broadcaster } from './broadcast.ts'
import { EVERYBODY } from './channels.ts'
import type { CloseReason } from './close-reason.ts'
import { EventsUnregistered, OptionUnsupported } from './errors.ts'
import type { EventStreams, ReplyOfAnyServer } from './event-stream.ts'
import type { Declarations, EventsOf, EventTypes } from './event-types.ts'
import type { Hub, ReconnectionTime } from './hub.ts'
import type { Log } from './log.ts'
import { readReconnectionTime, type SubscribeOptions } from './options.ts'
import type { Subscriber } from './subscriber.ts'

/**
 * The events of your application, by name: `interface Events extends EventsOf<typeof events> {}` types `app.sse` everywhere.
 * Several features may each add theirs.
 */

export interface Events {}

/** What may be broadcast where nothing is said about events. */
export interface AnyEvents {
  [event: string]: unknown
}

/** The events that `app.sse` knows by type. */
export type RegisteredEvents = keyof Events extends never ? AnyEvents : Events

/** What happened so far in this process, and what is now. */
export interface Stats {
  /** Event streams open now. */
  readonly subscribers: number
  /** Event streams that ended, by reason. */
  readonly closes: Readonly<Record<CloseReason, number>>
  /** Events broadcast. */
  readonly events: number
  /** Broadcasts that were rejected. */
  readonly failedBroadcasts: number
  /** Events, times the subscribers they were handed to. */
  readonly deliveries: number
  /** Bytes of event streams handed to sockets. */
  readonly bytes: number
  /** How often a reader was told that events were gone. */
  readonly gaps: number
  /** Readers that began with events from before they came. */
  readonly replays: number
  /** Events that the subscriber furthest behind has still to get. */
  readonly lag: number
}

export interface SseParts {
  readonly log: Log
  readonly hub: Hub
  readonly eventTypes: EventTypes
  readonly broadcaster: Broadcaster
  readonly eventStreams: EventStreams
  readonly logger: FastifyBaseLogger
}

/**
 * `app.sse`: typed events to every connected browser.
 *
 * @typeParam E Payloads by event.
 */
export class Sse<E extends object = RegisteredEvents> {
  readonly #parts: SseParts
  #failedBroadcasts = 0

  /** @internal */
  constructor (parts: SseParts) {
    this.#parts = parts
  }

  /**
   * Sends an event to every subscriber.
   *
   * The payload is validated and encoded before this returns, so it may be changed afterwards. Of objects, only what the schema
   * declares goes out. Events leave in the order of these calls, awaited or not.
   *
   * @param event The event type; `'message'` is the unnamed event that `EventSource.onmessage` hears.
   * @returns The event ID (null without `history`), once the event is in the log of this process. Who listens does not matter.
   * @throws FST_SSE_EVENT_UNKNOWN, FST_SSE_PAYLOAD_INVALID (`error.failures` lists what is wrong), FST_SSE_PAYLOAD_NOT_ENCODABLE,
   * FST_SSE_PAYLOAD_TOO_LARGE, FST_SSE_CLOSED: as a rejection, logged too, and harmless where nobody awaits it.
   */
  broadcast<K extends keyof E & string> (event: K, data: E[K]): Promise<Broadcast>
  broadcast (event: string, data: unknown, options?: object): Promise<Broadcast> {
    const broadcast = this.#publish(event, data, options)
    broadcast.catch((err: unknown) => {
      this.#failedBroadcasts++
      this.#parts.logger.error({ err, event }, 'sse: a broadcast failed')
    })
    return broadcast
  }

  // Runs up to its return within the call of `broadcast`: the error's stack names the caller.
  async #publish (event: string, data: unknown, options: object | undefined): Promise<Broadcast> {
    const [option] = Object.keys(Object(options))
    if (option !== undefined) throw new OptionUnsupported(option)
    return this.#parts.broadcaster.publish(event, data)
  }

  /**
   * Event streams open in this process now, from the moment the head is sent until the response closes.
   *
   * @param channel Those that hear this channel. @defaultValue all
   */
  count (channel: string = EVERYBODY): number {
    return channel === EVERYBODY ? this.#parts.hub.size : 0
  }

  /**
   * The event ID of the newest event in this process; before the first, that of the beginning. Null without `history`.
   *
   * Read it before you take a snapshot of your state, hand both out, and connect with `?lastEventId=`: nothing in between is missed.
   */
  get lastEventId (): string | null {
    return this.#parts.log.lastEventId
  }

  /**
   * Turns the request of any route into an event stream, after the hooks of that route. Adds no CORS headers: the route is yours.
   *
   * @returns The subscriber, once the head is sent. It is closed already for HEAD, and where the reader left in the meantime.
   * @throws FST_SSE_NOT_ACCEPTABLE (status 406) where the request refuses `text/event-stream`; FST_SSE_REPLY_SENT
   */
  subscribe (reply: ReplyOfAnyServer, options?: SubscribeOptions): Promise<Subscriber> {
    return this.#parts.eventStreams.subscribe(reply, options)
  }

  /**
   * Tells every reader, those connected and those to come, how long to wait before they come back.
   *
   * @param time Milliseconds, or bounds between which each subscriber's time is drawn. Beware of 0: Chromium comes back every 5 ms.
   * @throws FST_SSE_OPTION_INVALID
   */
  setReconnectionTime (time: number | ReconnectionTime): void {
    this.#parts.hub.setReconnectionTime(readReconnectionTime(time))
  }

  /**
   * This same object, typed by a declaration: for code that should not depend on the types of the whole application.
   *
   * @throws FST_SSE_EVENTS_UNREGISTERED where the plugin was not registered with that very declaration.
   */
  of<const D extends Declarations> (events: D): Sse<EventsOf<D>> {
    const missing = this.#parts.eventTypes.missing(events)
    if (missing.length > 0) throw new EventsUnregistered(missing.map((name) => JSON.stringify(name)).join(', '))
    return this as unknown as Sse<EventsOf<D>>
  }

  /** One plain snapshot of what happened and what is. */
  stats (): Stats {
    const { hub, broadcaster } = this.#parts
    return {
      subscribers: hub.size,
      closes: hub.closes,
      events: broadcaster.events,
      failedBroadcasts: this.#failedBroadcasts,
      ...hub.traffic,
      lag: hub.lag
    }
  }

  /**
   * Whether the data of an event is text, not JSON; undefined where nothing is declared.
   *
   * @internal
   */
  isText (event: string): boolean | undefined {
    return this.#parts.eventTypes.isText(event)
  }
}
