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
   * Ends event streams of this hub that hear this channel, otherwise like `app.sse.disconnect`.
   *
   * @param predicate Returns true for a subscriber whose stream is to end. @defaultValue every subscriber of the channel
   * @param options `final`: whether the readers are told to stay away. @defaultValue { final: false }
   * @returns A promise of the number of streams ended.
   * @see Sse.disconnect
   */
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean = () => true, options: CloseOptions = {}): SafePromise<number> {
    return this.#owner.disconnect(predicate, options)
  }
}
