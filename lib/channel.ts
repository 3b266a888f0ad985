import type { BroadcastOptions, CloseOptions } from './call-options.ts'
import type { Broadcast } from './broadcast.ts'
import type { RegisteredEvents } from './events.ts'
import type { Subscriber } from './subscriber.ts'

/** What a channel asks of the whole. All but the first are of this channel alone. */
export interface ChannelOwner<E extends object> {
  broadcast<K extends keyof E & string> (event: K, data: E[K], options: BroadcastOptions): Promise<Broadcast>
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
  broadcast<K extends keyof E & string> (event: K, data: E[K], options: Omit<BroadcastOptions, 'channels'> = {}): Promise<Broadcast> {
    return this.#owner.broadcast(event, data, { ...options, channels: this.name })
  }

  /** Event streams of this process that hear this channel now. */
  count (): number {
    return this.#owner.count()
  }

  /** Those of this process that hear this channel. */
  subscribers (): Iterable<Subscriber<E>> {
    return this.#owner.subscribers()
  }

  /**
   * Ends the event streams of this process that hear this channel: all of them, or those that a predicate picks.
   *
   * @see Sse.disconnect
   */
  disconnect (predicate: (subscriber: Subscriber<E>) => boolean = () => true, options: CloseOptions = {}): Promise<number> {
    return this.#owner.disconnect(predicate, options)
  }
}
