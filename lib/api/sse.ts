import type { FastifyBaseLogger, FastifyReply } from 'fastify'
import { Channel } from './channel.ts'
import { logError } from './guarded-callbacks.ts'
import type { Stats } from './stats.ts'
import type { RegisteredEvents, Takes } from '../augmentable.ts'
import type { Views } from '../cursor/views.ts'
import type { ChannelIndex } from '../log/channel-index.ts'
import { Closed, EventsUnregistered, NotAcceptable } from '../errors.ts'
import { checkChannel } from '../log/channel-name.ts'
import type { Log } from '../log/log.ts'
import type { StreamOpener, ReplyOfAnyServer } from '../open/stream-opener.ts'
import type { SubscribeOptions } from '../open/subscribe-options.ts'
import { demand, isObject, readFunction } from '../option-rules.ts'
import { type BroadcastOptions, channelOptions } from '../publish/broadcast-options.ts'
import type { Broadcast, Broadcaster } from '../publish/broadcaster.ts'
import type { SafePromise } from '../safe-promise.ts'
import type { Declarations, EventsOf } from '../schema/declarations.ts'
import type { EventTypes } from '../schema/event-types.ts'
import { type CloseOptions, readCloseOptions } from '../subscribers/close-options.ts'
import type { Hub } from '../subscribers/hub.ts'
import { readReconnectionTime, type ReconnectionTime } from '../subscribers/reconnection-time.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { Clock } from '../time/clock.ts'
import { setImmediate } from '../time/timers.ts'

interface SseParts {
  readonly log: Log
  readonly channels: ChannelIndex
  readonly views: Views
  readonly hub: Hub
  readonly eventTypes: EventTypes
  readonly broadcaster: Broadcaster
  readonly streamOpener: StreamOpener
  readonly clock: Clock
  readonly logger: FastifyBaseLogger
}

// A name that every copy of this plugin in a process knows: a CommonJS module and an ES module load different ones.
const kSse: unique symbol = Symbol.for('fastify-typed-sse.sse')

/** Whether a value is the `app.sse` of this plugin, of whichever copy. */
export function isSse (value: unknown): boolean {
  return typeof value === 'object' && value !== null && kSse in value
}

/**
 * `app.sse`: typed events to every connected browser.
 *
 * @typeParam E Payloads by event.
 */
export class Sse<E extends object = RegisteredEvents> {
  /** For the compiler alone. */
  declare protected readonly takes?: Takes<E>
  /** @internal */
  readonly [kSse] = true
  readonly #parts: SseParts
  #failedBroadcasts = 0
  #toldTooLate = false

  /** @internal */
  constructor (parts: SseParts) {
    this.#parts = parts
  }

  /**
   * Sends an event to every subscriber of a channel, of several, or of `EVERYBODY`.
   *
   * The payload is validated and encoded before this returns, so it may be changed afterwards. Of objects, only what the schema
   * declares goes out. Events leave in the order of these calls, awaited or not.
   *
   * @param event The event type; `'message'` is the unnamed event that `EventSource.onmessage` hears.
   * @returns The event ID, once the event is in the log of this process; null for an ephemeral event, and without `history`. Who
   * listens does not matter.
   * @throws FST_SSE_EVENT_UNKNOWN, FST_SSE_PAYLOAD_INVALID (`error.failures` lists what is wrong), FST_SSE_PAYLOAD_NOT_ENCODABLE,
   * FST_SSE_PAYLOAD_TOO_LARGE, FST_SSE_KEY_INVALID, FST_SSE_CHANNEL_INVALID, FST_SSE_OPTION_INVALID, FST_SSE_CLOSED: as a rejection,
   * logged too (the last one once, at `info`), and harmless where nobody awaits it.
   */
  broadcast<K extends keyof E & string> (event: K, data: E[K], options: BroadcastOptions = {}): SafePromise<Broadcast> {
    return this.#broadcast(event, data, () => options)
  }

  #broadcast (event: string, data: unknown, options: () => BroadcastOptions): Promise<Broadcast> {
    const broadcast = this.#publish(event, data, options)
    broadcast.catch((err: unknown) => {
      this.#failedBroadcasts++
      if (err instanceof Closed) this.#tooLate(err)
      else logError(this.#parts.logger, { err, event }, 'sse: a broadcast failed')
    })
    return broadcast
  }

  /** A timer or a close handler that goes on while the application closes is usual: one line, which the default level shows, and no alarm. */
  #tooLate ({ message }: Error): void {
    if (this.#toldTooLate) return
    this.#toldTooLate = true
    this.#parts.logger.info(`sse: ${message}; further ones are counted, not logged`)
  }

  // Runs up to its return within the call of `broadcast`: the error's stack names the caller.
  async #publish (event: string, data: unknown, options: () => BroadcastOptions): Promise<Broadcast> {
    return this.#parts.broadcaster.publish(event, data, options())
  }

  /**
   * Event streams open in this process now, from the moment the head is sent until the response closes.
   *
   * @param channel Those that hear this channel; `EVERYBODY`: those that a broadcast reaches. @defaultValue all
   */
  count (channel?: string): number {
    const { hub } = this.#parts
    return channel === undefined ? hub.size : hub.of(channel).size
  }

  /**
   * The subscribers of this process as they are at the call: all, or those that hear a channel.
   *
   * @returns A snapshot: whoever joins, leaves or closes while you look at it changes nothing in it. One that has closed since is still there.
   */
  subscribers (channel?: string): Iterable<Subscriber<E>> {
    const { hub } = this.#parts
    return [...(channel === undefined ? hub : hub.of(channel).keys())] as unknown as Array<Subscriber<E>>
  }

  /**
   * The same verbs for one channel. Channels need not be created, and leave nothing behind.
   *
   * @param name 1 to 256 characters, no control characters.
   * @throws FST_SSE_CHANNEL_INVALID
   */
  channel (name: string): Channel<E> {
    checkChannel(name)
    return new Channel(name, {
      broadcast: (event, data, options) => this.#broadcast(event, data, () => channelOptions(name, options)),
      subscribers: () => this.subscribers(name),
      count: () => this.count(name),
      disconnect: (predicate, options) => this.#disconnect(name, predicate, options)
    })
  }

  /**
   * Ends event streams of this process on purpose, because somebody lost the right to hear them. What they have not got yet is not
   * written any more. Other readers come back by themselves, and are judged anew.
   *
   * @param predicate Says which. What it throws is logged, and spares the one it was asked about.
   * @param options `final`: the reader is told to stay away. @defaultValue { final: false }
   * @returns How many were ended. Their responses may still be closing.
   * @throws FST_SSE_OPTION_INVALID: as a rejection, logged too, and harmless where nobody awaits it.
   */
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean, options: CloseOptions = {}): SafePromise<number> {
    return this.#disconnect(undefined, predicate, options)
  }

  #disconnect (channel: string | undefined, predicate: (subscriber: Subscriber<E>) => boolean, options: CloseOptions): Promise<number> {
    const disconnected = this.#revoke(channel, predicate, options)
    disconnected.catch((err: unknown) => logError(this.#parts.logger, { err }, 'sse: a call of "disconnect" failed'))
    return disconnected
  }

  async #revoke (channel: string | undefined, predicate: (subscriber: Subscriber<E>) => boolean, options: CloseOptions): Promise<number> {
    readFunction('disconnect.predicate', predicate)
    const { final } = readCloseOptions('disconnect', options)
    return this.#parts.hub.revoke(channel, predicate as unknown as (subscriber: Subscriber) => boolean, final)
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
   * @returns The subscriber, once the head is sent. It is closed already for HEAD, where the reader left in the meantime, where there is
   * no place for it (`overload`), and where it was told to stay away (`final`): that one is answered with 204.
   * @throws FST_SSE_NOT_ACCEPTABLE (status 406) where the request refuses `text/event-stream`; FST_SSE_CHANNEL_INVALID,
   * FST_SSE_CHANNELS_EXCEEDED, FST_SSE_OPTION_INVALID, FST_SSE_REPLY_SENT, FST_SSE_STATUS_SET, and what the options `headers` and `keyGenerator` throw
   */
  subscribe (reply: ReplyOfAnyServer, options?: SubscribeOptions): Promise<Subscriber<E>> {
    const subscribed = this.#parts.streamOpener.subscribe(reply, options) as Promise<Subscriber<E>>
    subscribed.catch((err: unknown) => this.#unanswered(reply as FastifyReply, err))
    return subscribed
  }

  /** Who awaits `subscribe` lets Fastify answer with the error. For who does not, it must not end the process: a request can cause it. */
  #unanswered (reply: FastifyReply | undefined, err: unknown): void {
    // What the request asked for, not what the program did wrong.
    if (err instanceof NotAcceptable) return
    setImmediate(() => {
      if (reply?.sent && reply.statusCode >= 400) return
      logError(this.#parts.logger, { err }, 'sse: "subscribe" failed, and its handler has not answered with the error; is it awaited?')
    })
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
    demand(isObject(events), 'of.events', 'what defineEvents returns', events)
    const missing = this.#parts.eventTypes.missing(events)
    if (missing.length > 0) throw new EventsUnregistered(missing.map((name) => JSON.stringify(name)).join(', '))
    return this as unknown as Sse<EventsOf<D>>
  }

  /** One plain snapshot of what happened and what is. */
  stats (): Stats {
    const { hub, channels, views, broadcaster } = this.#parts
    return {
      subscribers: hub.size,
      channels: hub.channels,
      views: views.size,
      closes: hub.closes,
      events: broadcaster.events,
      replaced: channels.replaced,
      failedBroadcasts: this.#failedBroadcasts,
      ...hub.counters,
      gaps: { ...hub.counters.gaps },
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

  /**
   * Moves the clock of these streams forward, for tests.
   *
   * @internal
   */
  advance (milliseconds: number): Promise<void> {
    return this.#parts.clock.advance(milliseconds)
  }
}
