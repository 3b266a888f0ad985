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
import { encodeError } from '../wire/plugin-events.ts'
import type { CloseReason } from '../wire/reasons.ts'

/** What a subscriber hands upward. */
export interface SubscriberOwner extends DeliveryOwner {
  /** An event of the application as it goes out. @throws what is wrong with it */
  encode (event: string, payload: unknown): string
  /** It hears a channel from now on. */
  joined (subscriber: Subscriber, channel: string): void
  /** It hears a channel no longer. */
  left (subscriber: Subscriber, channel: string): void
  /** Something that the application sent failed, and perhaps nobody awaits it. */
  failed (error: unknown, event: string): void
  /** It ended. Called once. */
  ended (subscriber: Subscriber, reason: CloseReason): void
}

/**
 * One open event stream, as the application sees it.
 *
 * @typeParam E Payloads by event.
 */
export class Subscriber<E extends object = RegisteredEvents> {
  /** For the compiler alone. */
  declare protected readonly takes?: Takes<E>
  /** What `subscribe` was given as `context`. */
  readonly context: SubscriberContext
  /** @internal */
  readonly delivery: Delivery
  readonly #owner: SubscriberOwner
  // Built when first asked for: most subscribers live without.
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

  /** Unique among all processes. */
  get id (): string {
    this.#id ??= randomUUID()
    return this.#id
  }

  /** The complete list of channels it hears. */
  get channels (): readonly string[] { return this.delivery.cursor.channels }

  /** The event ID up to which it was served; null where the stream has no ids. */
  get lastEventId (): string | null { return this.delivery.cursor.lastEventId }

  /** Events of its channels that it has still to get. */
  get lag (): number { return this.delivery.isClosed ? 0 : this.delivery.cursor.lag }

  /** Aborted when the stream ends, with the close reason as `signal.reason`. */
  get signal (): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      // Each source that is streamed listens; there may be many, and none stays.
      setMaxListeners(0, this.#abort.signal)
      if (this.delivery.isClosed) this.#abort.abort(this.delivery.ending.reason)
    }
    return this.#abort.signal
  }

  /** Resolves with the close reason, once, when the stream has ended. Never rejects. */
  get closed (): Promise<CloseReason> {
    this.#closed ??= new Promise((resolve) => {
      if (this.delivery.isClosed) resolve(this.delivery.ending.reason!)
      else this.#resolveClosed = resolve
    })
    return this.#closed
  }

  /**
   * Hears a channel too, from the next event on. Does nothing where it hears it already, or the stream ends.
   *
   * @throws FST_SSE_CHANNEL_INVALID, FST_SSE_CHANNELS_EXCEEDED
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

  /** Hears a channel no longer: nothing of it is written any more, what it has not got yet included. */
  leave (channel: string): void {
    if (this.delivery.isClosed || !this.channels.includes(channel)) return
    this.delivery.cursor.leave(channel)
    this.#owner.left(this.#self, channel)
  }

  /**
   * Sends an event to this reader alone: after every event of its channels that was broadcast before this call, before every later
   * one. It has no id and is not kept.
   *
   * @returns True once it is handed to the socket, false when the reader has gone.
   * @throws as `broadcast` does; FST_SSE_BACKLOG_FULL where other sends wait, and with this one they would take more than
   * `maxBacklogBytes`, each 1 KiB beside its own. As a rejection, logged too, and harmless where nobody awaits it.
   */
  send<K extends keyof E & string> (event: K, data: E[K]): SafePromise<boolean> {
    return this.#harmless(event, this.#send(event, data))
  }

  // Runs up to its return within the call of `send`: the error's stack names the caller.
  async #send (event: string, data: unknown): Promise<boolean> {
    const text = this.#owner.encode(event, data)
    if (this.delivery.ending.reason !== undefined) return false
    const { maxBacklogBytes } = this.#owner.limits
    const isFull = (): boolean => this.delivery.pendingBytes > 0 && this.delivery.pendingBytes + sizeOfPendingSend(text) > maxBacklogBytes
    // Many in one turn: the socket takes now what the pump would have brought it afterwards.
    while (isFull() && this.delivery.isReady) this.delivery.serve()
    if (isFull()) throw new BacklogFull(quote(event), this.delivery.pendingBytes, maxBacklogBytes)
    return this.delivery.send(text)
  }

  /**
   * Sends what a source yields, each item as one event, no faster than the reader reads; then ends the stream for good, so that the
   * reader does not come back for it. Where several run at once, the first to end ends them all, unless its `end` is false.
   *
   * @param source Called with `signal`, and only if somebody is there to read. What it gives is returned when the reader leaves; a
   * generator that waits for something then hears of it only afterwards, unless it listens to `signal`.
   * @returns True when the source came to its end, false when the reader left before.
   * @throws what the source throws, after the reader was told with `sse.error`; FST_SSE_SOURCE_INVALID; as `broadcast` does for an item.
   * As a rejection, logged too, and harmless where nobody awaits it.
   */
  stream<K extends keyof E & string> (event: K, source: Source<E[K]>, options: StreamOptions = {}): SafePromise<boolean> {
    return this.#harmless(event, this.#stream(event, source, options))
  }

  async #stream (event: string, source: Source<unknown>, options: StreamOptions): Promise<boolean> {
    const { end } = readStreamOptions(options)
    if (this.delivery.ending.reason !== undefined) return false
    this.delivery.streams(true)
    try {
      const items = openSource(event, source, this.signal)
      const take = (item: unknown): Promise<boolean> => this.delivery.send(this.#owner.encode(event, item))
      const isComplete = await draw(items, this.signal, take, (error) => this.#owner.failed(error, event))
      if (end && isComplete) this.delivery.ending.end('ended', true)
      return isComplete
    } catch (error) {
      this.delivery.enqueue(encodeError())
      if (end) this.delivery.ending.end('error', true)
      throw error
    } finally {
      this.delivery.streams(false)
    }
  }

  /**
   * Ends the stream cleanly, after every event that was placed before this call. Does nothing on a stream that ends already.
   *
   * @param options `final`: the reader is told to stay away. @defaultValue { final: false }
   * @throws FST_SSE_OPTION_INVALID
   */
  close (options: CloseOptions = {}): void {
    this.delivery.ending.end('ended', readCloseOptions('close', options).final)
  }

  /**
   * Its response closed, whoever closed it.
   *
   * @internal
   */
  responseClosed (): void {
    if (this.delivery.isClosed) return
    this.delivery.close()
    const reason = this.delivery.ending.reason!
    // First: whoever hears of the end finds it no longer counted.
    this.#owner.ended(this.#self, reason)
    this.#abort?.abort(reason)
    this.#resolveClosed?.(reason)
  }

  /** Its owner knows the types of the whole application only. */
  get #self (): Subscriber { return this as unknown as Subscriber }

  #harmless<T> (event: string, promise: Promise<T>): Promise<T> {
    promise.catch((error: unknown) => this.#owner.failed(error, event))
    return promise
  }
}
