import type { RegisteredEvents, Takes } from '../augmentable.ts'
import type { BroadcastOptions } from '../publish/broadcast-options.ts'
import type { Broadcast } from '../publish/broadcaster.ts'
import type { SafePromise } from '../safe-promise.ts'
import type { CloseOptions } from '../subscribers/close-options.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'

/**
 * The options of a broadcast to one channel.
 *
 * @see docs/options.md
 */
export type ChannelBroadcastOptions = Omit<BroadcastOptions, 'channels'>

/** The calls of `app.sse` that a channel uses, bound to the channel. */
interface ChannelOwner<E extends object> {
  broadcast (event: string, data: unknown, options: ChannelBroadcastOptions): Promise<Broadcast>
  subscribers (): Iterable<Subscriber<E>>
  count (): number
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean, options: CloseOptions): Promise<number>
  disconnectAll (options: CloseOptions): Promise<number>
}

/**
 * One channel of `app.sse`, with methods that apply to this channel only. It holds no state, so create one whenever you need it.
 *
 * @typeParam E The payload types, by event type.
 * @see README.md
 */
export class Channel<E extends object = RegisteredEvents> {
  /** Type information only; no such property exists at run time. */
  declare protected readonly takes?: Takes<E>
  /** The name of the channel. */
  readonly name: string
  readonly #owner: ChannelOwner<E>

  /** @internal */
  constructor (name: string, owner: ChannelOwner<E>) {
    this.name = name
    this.#owner = owner
  }

  /**
   * Sends an event to every subscriber of this channel, otherwise like `app.sse.broadcast`.
   *
   * @param event The event type.
   * @param data The payload.
   * @param options `id`, `ephemeral`.
   * @returns A promise of the event ID. It rejects with the errors of `app.sse.broadcast`.
   * @see Sse.broadcast
   */
  broadcast<K extends keyof E & string> (event: K, data: E[K], options: ChannelBroadcastOptions = {}): SafePromise<Broadcast> {
    return this.#owner.broadcast(event, data, options)
  }

  /** The number of open event streams of this hub that hear this channel. @see README.md */
  count (): number {
    return this.#owner.count()
  }

  /**
   * The subscribers of this hub that hear this channel at the time of the call.
   *
   * @returns A snapshot: later changes do not affect it, so it may contain subscribers that have closed since.
   * @see README.md
   */
  subscribers (): Iterable<Subscriber<E>> {
    return this.#owner.subscribers()
  }

  /**
   * Ends the event streams that hear this channel, on all nodes of the broker or on this one, otherwise like `app.sse.disconnect`.
   *
   * @param predicate Returns true for a subscriber of this hub whose stream is to end. Without it the streams of all nodes end: a name can
   * travel to other nodes, a function cannot.
   * @param options `final`: whether the readers are told to stay away. @defaultValue { final: false }
   * @returns A promise of the number of streams ended, on all nodes that answer within a second.
   * @throws Asynchronously and logged: the errors of `app.sse.disconnect`; and FST_SSE_BROKER_UNAVAILABLE when other nodes could not be reached. The
   * streams of this hub have ended then.
   * @see Sse.disconnect
   */
  disconnect (options?: CloseOptions): SafePromise<number>
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean, options?: CloseOptions): SafePromise<number>
  disconnect (first: CloseOptions | ((subscriber: Subscriber<E>) => boolean) = {}, options: CloseOptions = {}): SafePromise<number> {
    return typeof first === 'function' ? this.#owner.disconnect(first, options) : this.#owner.disconnectAll(first)
  }
}
