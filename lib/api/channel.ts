import type { RegisteredEvents, Takes } from '../augmentable.ts'
import type { BroadcastOptions } from '../publish/broadcast-options.ts'
import type { Broadcast } from '../publish/broadcaster.ts'
import type { SafePromise } from '../safe-promise.ts'
import type { CloseOptions } from '../subscribers/close-options.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'

/** What may be said of a broadcast to one channel. */
export type ChannelBroadcastOptions = Omit<BroadcastOptions, 'channels'>

/** What a channel asks of the whole, for itself alone. */
interface ChannelOwner<E extends object> {
  broadcast (event: string, data: unknown, options: ChannelBroadcastOptions): Promise<Broadcast>
  subscribers (): Iterable<Subscriber<E>>
  count (): number
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean, options: CloseOptions): Promise<number>
}

/**
 * The verbs of `app.sse` for one channel. Holds nothing: make one whenever you need it.
 *
 * @typeParam E Payloads by event.
 */
export class Channel<E extends object = RegisteredEvents> {
  /** For the compiler alone. */
  declare protected readonly takes?: Takes<E>
  readonly name: string
  readonly #owner: ChannelOwner<E>

  /** @internal */
  constructor (name: string, owner: ChannelOwner<E>) {
    this.name = name
    this.#owner = owner
  }

  /**
   * Sends an event to every subscriber of this channel.
   *
   * @throws as `app.sse.broadcast` does
   */
  broadcast<K extends keyof E & string> (event: K, data: E[K], options: ChannelBroadcastOptions = {}): SafePromise<Broadcast> {
    return this.#owner.broadcast(event, data, options)
  }

  /** Event streams of this process that hear this channel now. */
  count (): number {
    return this.#owner.count()
  }

  /** The subscribers of this process that hear this channel at the call: a snapshot, in which `join` and `leave` change nothing. */
  subscribers (): Iterable<Subscriber<E>> {
    return this.#owner.subscribers()
  }

  /**
   * Ends the event streams of this process that hear this channel: all of them, or those that a predicate picks.
   *
   * @see Sse.disconnect
   */
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean = () => true, options: CloseOptions = {}): SafePromise<number> {
    return this.#owner.disconnect(predicate, options)
  }
}
