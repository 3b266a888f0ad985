import type { FastifyBaseLogger } from 'fastify'
import { Channel } from './channel.ts'
import { logError, logUnanswered } from './guarded-callbacks.ts'
import type { LoggedBroadcasts } from './logged-broadcasts.ts'
import { kSse } from './sse-symbol.ts'
import { takeStats, type Stats } from './stats.ts'
import type { RegisteredEvents, Takes } from '../augmentable.ts'
import type { Broker } from '../broker/broker.ts'
import type { Readiness } from '../broker/readiness.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Views } from '../cursor/views.ts'
import type { ChannelIndex } from '../log/channel-index.ts'
import { EventsUnregistered } from '../errors.ts'
import { checkChannel } from '../log/channel-name.ts'
import type { Log } from '../log/log.ts'
import type { StreamOpener, ReplyOfAnyServer } from '../open/stream-opener.ts'
import type { SubscribeOptions } from '../open/subscribe-options.ts'
import { demand, isObject, readFunction } from '../option-rules.ts'
import { type BroadcastOptions, channelOptions } from '../publish/broadcast-options.ts'
import type { Broadcast, Broadcaster } from '../publish/broadcaster.ts'
import type { Runs } from '../runs/runs.ts'
import type { SafePromise } from '../safe-promise.ts'
import type { Declarations, EventsOf } from '../schema/declarations.ts'
import type { EventTypes } from '../schema/event-types.ts'
import { type CloseOptions, readCloseOptions } from '../subscribers/close-options.ts'
import type { Hub } from '../subscribers/hub.ts'
import { readReconnectionTime, type ReconnectionTime } from '../subscribers/reconnection-time.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { Clock } from '../time/clock.ts'

interface SseParts {
  readonly broker: Broker
  readonly log: Log
  readonly channels: ChannelIndex
  readonly views: Views
  readonly hub: Hub
  readonly eventTypes: EventTypes
  readonly broadcaster: Broadcaster
  readonly broadcasts: LoggedBroadcasts
  readonly cluster: Cluster
  readonly readiness: Readiness
  readonly streamOpener: StreamOpener
  readonly runs: Runs
  readonly clock: Clock
  readonly logger: FastifyBaseLogger
}

/**
 * The object `app.sse` of one hub, which is one registration of the plugin in this process: broadcasts typed events, opens event streams, and
 * reports on them.
 *
 * @typeParam E The payload types, by event type.
 * @see README.md
 */
export class Sse<E extends object = RegisteredEvents> {
  /** Type information only; no such property exists at run time. */
  declare protected readonly takes?: Takes<E>
  /** @internal */
  readonly [kSse] = true
  readonly #parts: SseParts

  /** @internal */
  constructor (parts: SseParts) {
    this.#parts = parts
  }

  /**
   * Sends an event to every subscriber of one or several channels, by default to those of `EVERYBODY`.
   *
   * The payload is validated and encoded before this returns, so it may be changed afterwards. Only properties that the schema
   * declares are sent. Events are sent in the order of the calls, awaited or not.
   *
   * @param event The event type; `'message'` is the unnamed event that `EventSource.onmessage` receives.
   * @param data The payload.
   * @param options `channels`, `id`, `ephemeral`.
   * @returns A promise that you need not await. It resolves once the event is in the log of this hub, whether it has subscribers or not,
   * with the event ID as `id`: null for an ephemeral event, and if `history` is false.
   * @throws Asynchronously and logged: FST_SSE_EVENT_UNKNOWN, FST_SSE_PAYLOAD_INVALID (`error.failures` lists the broken rules),
   * FST_SSE_PAYLOAD_NOT_ENCODABLE, FST_SSE_PAYLOAD_TOO_LARGE, FST_SSE_KEY_INVALID, FST_SSE_CHANNEL_INVALID, FST_SSE_OPTION_INVALID,
   * FST_SSE_OPTION_UNKNOWN, FST_SSE_BROKER_UNAVAILABLE; and FST_SSE_CLOSED when the application closes, logged only once, at level `info`.
   * @see docs/errors.md
   */
  broadcast<K extends keyof E & string> (event: K, data: E[K], options: BroadcastOptions = {}): SafePromise<Broadcast> {
    return this.#parts.broadcasts.broadcast(event, data, () => options)
  }

  /**
   * The number of open event streams of this hub. A stream counts from the moment its head is sent until its response closes.
   *
   * @param channel The channel whose subscribers are counted. @defaultValue all subscribers
   * @see README.md
   */
  count (channel?: string): number {
    const { hub } = this.#parts
    return channel === undefined ? hub.size : hub.of(channel).size
  }

  /**
   * The number of open event streams on all nodes of the broker. A node that has died is forgotten after eight seconds.
   *
   * @param channel The channel whose subscribers are counted. @defaultValue all subscribers
   * @returns A promise of the sum of what the nodes have answered within a second. It does not reject.
   * @see docs/scaling.md
   */
  countAll (channel?: string): SafePromise<number> {
    return this.#parts.cluster.count(channel)
  }

  /**
   * True if this process should get new readers: it has loaded the history, and its broker has not been away for more than 5 s. For the route
   * that a load balancer asks.
   *
   * @see docs/scaling.md
   */
  get isReady (): boolean { return this.#parts.readiness.isReady }

  /**
   * The subscribers of this hub at the time of the call.
   *
   * @param channel The channel that they hear. @defaultValue all subscribers
   * @returns A snapshot: later changes do not affect it, so it may contain subscribers that have closed since.
   * @see README.md
   */
  subscribers (channel?: string): Iterable<Subscriber<E>> {
    const { hub } = this.#parts
    return [...(channel === undefined ? hub : hub.of(channel).keys())] as unknown as Array<Subscriber<E>>
  }

  /**
   * An object with `broadcast`, `count`, `subscribers` and `disconnect` for one channel. Channels need not be created or removed.
   *
   * @param name 1 to 256 characters, no control characters.
   * @throws FST_SSE_CHANNEL_INVALID when the name breaks this rule.
   * @see README.md
   */
  channel (name: string): Channel<E> {
    checkChannel(name)
    return new Channel(name, {
      broadcast: (event, data, options) => this.#parts.broadcasts.broadcast(event, data, () => channelOptions(name, options)),
      subscribers: () => this.subscribers(name),
      count: () => this.count(name),
      disconnect: (predicate, options) => this.#logged(this.#revoke(name, predicate, options)),
      disconnectAll: (options) => this.#logged(this.#disconnectAll(name, options))
    })
  }

  /**
   * Ends event streams of this hub with the close reason `revoked`, for readers that have lost the right to hear them. Events that wait
   * for such a reader are not sent. Unless `final` is true, readers reconnect, and the hooks of the route decide again.
   *
   * @param predicate Returns true for a subscriber whose stream is to end. If it throws, the error is logged and that stream continues.
   * @param options `final`: whether the readers are told to stay away. @defaultValue { final: false }
   * @returns A promise that you need not await, of the number of streams ended. Their responses may still be closing.
   * @throws Asynchronously and logged: FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when an argument is wrong.
   * @see docs/security.md
   */
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean, options: CloseOptions = {}): SafePromise<number> {
    return this.#logged(this.#revoke(undefined, predicate, options))
  }

  #logged (disconnected: Promise<number>): Promise<number> {
    disconnected.catch((err: unknown) => logError(this.#parts.logger, { err }, 'sse: a call of "disconnect" failed'))
    return disconnected
  }

  async #disconnectAll (channel: string, options: CloseOptions): Promise<number> {
    return this.#parts.cluster.disconnect(channel, readCloseOptions('disconnect', options).final)
  }

  async #revoke (channel: string | undefined, predicate: (subscriber: Subscriber<E>) => boolean, options: CloseOptions): Promise<number> {
    readFunction('disconnect.predicate', predicate)
    const { final } = readCloseOptions('disconnect', options)
    return this.#parts.hub.revoke(channel, predicate as unknown as (subscriber: Subscriber) => boolean, final)
  }

  /**
   * The event ID of the newest kept event of this hub, or of the start of the history if there is none; null if `history` is false.
   * Read it before you take a snapshot of your state. A page that gets both, and connects with `?lastEventId=`, misses no event in between.
   *
   * @see docs/reconnecting.md
   */
  get lastEventId (): string | null { return this.#parts.log.lastEventId }

  /**
   * Turns the request of any route into an event stream, in the handler of that route. Adds no CORS headers.
   *
   * @param reply The reply of the handler, not sent yet.
   * @param options `channels`, `from`, `resume`, `context`, `expiresAt`, `plain`.
   * @returns A promise that resolves to the subscriber once the head is sent. The subscriber is already closed for a HEAD request, and if
   * the reader has left, a limit is reached (`overload`), or the reader was told to stay away and gets 204 (`refused`).
   * @throws Asynchronously: FST_SSE_NOT_ACCEPTABLE (status 406) when the request refuses `text/event-stream`, another code of docs/errors.md
   * when an option or the reply is wrong, and any error of the options `headers` and `keyGenerator`.
   * @see docs/options.md
   */
  subscribe (reply: ReplyOfAnyServer, options?: SubscribeOptions): Promise<Subscriber<E>> {
    const subscribed = this.#parts.streamOpener.subscribe(reply, options) as Promise<Subscriber<E>>
    subscribed.catch((err: unknown) => logUnanswered(this.#parts.logger, reply, err))
    return subscribed
  }

  /** The runs of this hub: streams with a name, an end, and a source that goes on without readers. @see docs/runs.md */
  get runs (): Runs<E> { return this.#parts.runs as unknown as Runs<E> }

  /**
   * Sets the reconnection time, and sends it to all readers, now and whenever they connect.
   *
   * @param time Milliseconds, or two bounds: each reader gets a random time between them. With 0, Chromium reconnects every 5 ms.
   * @throws FST_SSE_OPTION_INVALID when the time is not of this form.
   * @see docs/options.md
   */
  setReconnectionTime (time: number | ReconnectionTime): void {
    this.#parts.hub.setReconnectionTime(readReconnectionTime(time))
  }

  /**
   * This object, typed by a declaration instead of the types of the whole application.
   *
   * @param events A declaration that the plugin was registered with.
   * @throws FST_SSE_EVENTS_UNREGISTERED when the plugin was registered with another declaration of one of the events, or with none.
   * @see README.md
   */
  of<const D extends Declarations> (events: D): Sse<EventsOf<D>> {
    demand(isObject(events), 'of.events', 'the result of defineEvents', events)
    const missing = this.#parts.eventTypes.missing(events)
    if (missing.length > 0) throw new EventsUnregistered(missing.map((name) => JSON.stringify(name)).join(', '))
    return this as unknown as Sse<EventsOf<D>>
  }

  /** The counts and the present state of this hub, as a plain object. @see docs/deployment.md */
  stats (): Stats {
    return takeStats(this.#parts)
  }

  /** True if the data of an event is text, false if it is JSON; undefined if the event is not declared. @internal */
  isText (event: string): boolean | undefined { return this.#parts.eventTypes.isText(event) }

  /** Moves the clock of this hub forward by a whole number of milliseconds, for tests. @internal */
  advance (milliseconds: number): Promise<void> {
    return this.#parts.clock.advance(milliseconds)
  }
}
