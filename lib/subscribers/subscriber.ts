import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { RegisteredEvents, SubscriberContext, Takes } from '../augmentable.ts'
import { BacklogFull, ChannelsExceeded } from '../errors.ts'
import { checkChannel } from '../log/channel-name.ts'
import type { SafePromise } from '../safe-promise.ts'
import { type CloseOptions, readCloseOptions, readStreamOptions, type StreamOptions } from './close-options.ts'
import type { DeliveryOwner } from './delivery-owner.ts'
import type { Delivery } from './delivery.ts'
import { sizeOfPendingSend } from './pending-sends.ts'
import { draw, openSource, type Source } from './stream-source.ts'
import { quote } from '../value-text.ts'
import type { CloseReason } from '../wire/reasons.ts'

/** The part of the hub that a subscriber uses. */
export interface SubscriberOwner extends DeliveryOwner {
  /** Validates and encodes an event. @throws the error of `EventEncoder.encode` when the event or its payload is invalid */
  encode (event: string, payload: unknown): string
  /** Called when a subscriber begins to hear a channel. */
  joined (subscriber: Subscriber, channel: string): void
  /** Called when a subscriber stops hearing a channel. */
  left (subscriber: Subscriber, channel: string): void
  /** Called when an event could not be sent; the application may not await its promise. */
  failed (error: unknown, event: string): void
  /** Called once, when the response of a subscriber has closed. */
  ended (subscriber: Subscriber, reason: CloseReason): void
}

/**
 * One open event stream, as the application sees it.
 *
 * @typeParam E The payload types, by event type.
 * @see docs/options.md
 */
export class Subscriber<E extends object = RegisteredEvents> {
  /** Type information only; no such property exists at run time. */
  declare protected readonly takes?: Takes<E>
  /** The `context` that was passed to `subscribe`; by default an empty object. */
  readonly context: SubscriberContext
  /** @internal */
  readonly delivery: Delivery
  readonly #owner: SubscriberOwner
  // Created on first use, because most subscribers never need them.
  #id: string | undefined
  #abort: AbortController | undefined
  #closed: Promise<CloseReason> | undefined
  #resolveClosed: ((reason: CloseReason) => void) | undefined

  /** @internal */
  constructor (owner: SubscriberOwner, delivery: Delivery, context: SubscriberContext) {
    this.#owner = owner
    this.delivery = delivery
    this.context = context
  }

  /** The id of this subscriber: a UUID, unique across processes. */
  get id (): string {
    this.#id ??= randomUUID()
    return this.#id
  }

  /** The names of all channels that this subscriber hears. */
  get channels (): readonly string[] { return this.delivery.cursor.channels }

  /** The event ID up to which this subscriber was served; null if `history` is false. */
  get lastEventId (): string | null { return this.delivery.cursor.lastEventId }

  /** The number of events of its channels that this subscriber has yet to get; 0 once the stream has ended. */
  get lag (): number { return this.delivery.isClosed ? 0 : this.delivery.cursor.lag }

  /** A signal that is aborted when the stream has ended, with the close reason as `signal.reason`. */
  get signal (): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      // Every running `stream` listens. There may be many, and each removes its listener, so Node need not warn of a leak.
      setMaxListeners(0, this.#abort.signal)
      if (this.delivery.isClosed) this.#abort.abort(this.delivery.ending.reason)
    }
    return this.#abort.signal
  }

  /** A promise that resolves to the close reason when the stream has ended. It never rejects. */
  get closed (): Promise<CloseReason> {
    this.#closed ??= new Promise((resolve) => {
      if (this.delivery.isClosed) resolve(this.delivery.ending.reason!)
      else this.#resolveClosed = resolve
    })
    return this.#closed
  }

  /**
   * Adds a channel, which this subscriber hears from the next event on. Does nothing if it hears the channel already, or if the stream is
   * ending.
   *
   * @param channel 1 to 256 characters, no control characters.
   * @throws FST_SSE_CHANNEL_INVALID when the name breaks this rule, FST_SSE_CHANNELS_EXCEEDED when the subscriber already hears
   * `maxChannelsPerSubscriber` channels.
   * @see docs/reconnecting.md
   */
  join (channel: string): void {
    checkChannel(channel)
    const { channels } = this
    if (this.delivery.ending.reason !== undefined || channels.includes(channel)) return
    const { maxChannelsPerSubscriber } = this.#owner.limits
    if (channels.length >= maxChannelsPerSubscriber) throw new ChannelsExceeded(maxChannelsPerSubscriber)
    this.delivery.cursor.join(channel)
    this.#owner.joined(this.#self, channel)
  }

  /**
   * Removes a channel. Events that the subscriber would get only through this channel are no longer sent, not even if they already wait.
   *
   * @see docs/security.md
   */
  leave (channel: string): void {
    if (this.delivery.isClosed || !this.channels.includes(channel)) return
    this.delivery.cursor.leave(channel)
    this.#owner.left(this.#self, channel)
  }

  /**
   * Sends an event to this reader alone, after all events of its channels that were broadcast before this call, and before all later ones.
   * The event has no event ID and is not kept.
   *
   * @param event The event type.
   * @param data The payload. It is validated and encoded before this returns, so it may be changed afterwards.
   * @returns A promise that you need not await. It resolves to true once the event is handed to the socket, to false if the stream ends first.
   * @throws Asynchronously and logged: FST_SSE_EVENT_UNKNOWN, FST_SSE_PAYLOAD_INVALID, FST_SSE_PAYLOAD_NOT_ENCODABLE,
   * FST_SSE_PAYLOAD_TOO_LARGE; and FST_SSE_BACKLOG_FULL when other sends already wait, and together with this event they would take more
   * than `maxBacklogBytes`. Each waiting event counts 1 KiB more than its size.
   * @see docs/errors.md
   */
  send<K extends keyof E & string> (event: K, data: E[K]): SafePromise<boolean> {
    return this.#logged(event, this.#send(event, data))
  }

  // Runs synchronously within `send`, so the stack of an error contains the caller.
  async #send (event: string, data: unknown): Promise<boolean> {
    const text = this.#owner.encode(event, data)
    if (this.delivery.ending.reason !== undefined) return false
    const { maxBacklogBytes } = this.#owner.limits
    const isFull = (): boolean => this.delivery.pendingBytes > 0 && this.delivery.pendingBytes + sizeOfPendingSend(text) > maxBacklogBytes
    // After many sends in one turn of the event loop, the socket may still accept what the pump would write after this turn.
    while (isFull() && this.delivery.isReady) this.delivery.serve()
    if (isFull()) throw new BacklogFull(quote(event), this.delivery.pendingBytes, maxBacklogBytes)
    return this.delivery.send(text)
  }

  /**
   * Sends each item of a source as one event, no faster than the reader reads. Then the stream ends for good, so the reader does not
   * reconnect. If several sources run, the first that ends or fails ends the stream, unless its `end` is false.
   *
   * @param event The event type of every item.
   * @param source Returns the items. It is called with `signal`, and only if the reader is still there. When the reader leaves, the `return`
   * of its iterator is called. A generator that awaits something else notices that only afterwards, so pass the signal to what it awaits.
   * @param options `end`: whether the stream ends with the source. @defaultValue { end: true }
   * @returns A promise that you need not await. It resolves to true when the source has ended, to false if the reader leaves first.
   * @throws Asynchronously and logged, after the reader was sent `sse.error`: any error of the source, FST_SSE_SOURCE_INVALID when it is not
   * a function that returns an async iterable, and for an item the errors of `send` except FST_SSE_BACKLOG_FULL. Asynchronously and logged,
   * without `sse.error`: FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when an option is wrong.
   * @see docs/options.md
   */
  stream<K extends keyof E & string> (event: K, source: Source<E[K]>, options: StreamOptions = {}): SafePromise<boolean> {
    return this.#logged(event, this.#stream(event, source, options))
  }

  async #stream (event: string, source: Source<unknown>, options: StreamOptions): Promise<boolean> {
    const { end } = readStreamOptions(options)
    if (this.delivery.ending.reason !== undefined) return false
    this.delivery.streams(true)
    try {
      const isComplete = await draw(openSource(event, source, this.signal), this.signal, {
        take: (item) => this.delivery.send(this.#owner.encode(event, item)),
        returnFailed: (error) => this.#owner.failed(error, event)
      })
      if (end && isComplete) this.delivery.ending.end('ended', true)
      return isComplete
    } catch (error) {
      this.delivery.enqueue(this.delivery.form.error)
      if (end) this.delivery.ending.end('error', true)
      throw error
    } finally {
      this.delivery.streams(false)
    }
  }

  /**
   * Ends the stream cleanly, with the close reason `ended`, after every event that was broadcast or sent before this call. Does nothing if
   * the stream is already ending.
   *
   * @param options `final`: whether the reader is told to stay away. @defaultValue { final: false }
   * @throws FST_SSE_OPTION_INVALID or FST_SSE_OPTION_UNKNOWN when an option is wrong.
   * @see docs/reconnecting.md
   */
  close (options: CloseOptions = {}): void {
    this.delivery.ending.end('ended', readCloseOptions('close', options).final)
  }

  /**
   * Called when the response has closed, from either side.
   *
   * @internal
   */
  responseClosed (): void {
    if (this.delivery.isClosed) return
    this.delivery.close()
    const reason = this.delivery.ending.reason!
    // First, because listeners of `signal` and `closed` must find this subscriber no longer counted.
    this.#owner.ended(this.#self, reason)
    this.#abort?.abort(reason)
    this.#resolveClosed?.(reason)
  }

  /** This subscriber, typed as its owner knows it: by the events of the whole application. */
  get #self (): Subscriber { return this as unknown as Subscriber }

  /** Logs the rejection of a promise that the application may not await. */
  #logged<T> (event: string, promise: Promise<T>): Promise<T> {
    promise.catch((error: unknown) => this.#owner.failed(error, event))
    return promise
  }
}
