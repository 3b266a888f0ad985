import type { EventRecord } from '../broker/broker.ts'
import type { Position } from '../broker/position.ts'
import { ChannelLog } from './channel-log.ts'
import type { Entry } from './entry.ts'
import { ForgottenChannels } from './forgotten-channels.ts'
import type { Log } from './log.ts'

/**
 * The entries of the log by channel.
 *
 * A channel is present while a view shows it or it has kept entries. The cost of a call depends on the number of channels that the call
 * concerns, not on the number of channels present.
 */
export class ChannelIndex {
  readonly #log: Log
  readonly #channels = new Map<string, ChannelLog>()
  #forgottenChannels: ForgottenChannels
  /** The number of entries that a later entry of the same key replaced, counted once per channel. */
  replaced = 0

  constructor (log: Log) {
    this.#log = log
    this.#forgottenChannels = new ForgottenChannels(log.losses.offset)
  }

  /** The number of channels that are present. */
  get size (): number { return this.#channels.size }

  /**
   * Appends an event to the log and to its channels.
   *
   * @param position The position of the event; null for an ephemeral event.
   * @param record An event whose body and `id` line take at most `maxBytes` of the log.
   */
  append (position: Position | null, record: EventRecord): void {
    const entry = this.#log.append(position, record)
    for (const name of entry.channels) {
      // An ephemeral entry creates no channel, because a channel that is not present has no subscribers.
      const channel = entry.position === null ? this.#channels.get(name) : this.#present(name)
      if (channel === undefined) continue
      entry.listings++
      const replaced = channel.append(entry)
      if (replaced === undefined) continue
      this.replaced++
      this.#unlist(replaced)
    }
    if (entry.listings === 0) this.#removeFromLog(entry)
  }

  /** Removes an entry from its channels after the log has evicted it. */
  evict (entry: Entry): void {
    for (const name of entry.channels) {
      const channel = this.#channels.get(name)
      channel?.evict(entry)
      if (channel?.isIdle) this.#forget(channel)
    }
  }

  /**
   * Records the loss of unknown entries, which any channel may have had.
   *
   * @param upTo The newest position that may be lost; null: only ephemeral entries were lost.
   */
  lose (upTo: Position | null): void {
    const index = this.#log.lose(upTo)
    if (upTo === null) for (const channel of this.#channels.values()) channel.loseEphemeral(index)
    else this.#loseKept(index, upTo)
  }

  /** Empties the log and begins a new history. @param origin The position before the next kept entry. */
  reset (origin: Position): void {
    this.#loseKept(this.#log.reset(origin), origin)
  }

  #loseKept (index: number, { offset }: Position): void {
    // Every offset that it remembers is lower.
    this.#forgottenChannels = new ForgottenChannels(offset)
    for (const channel of this.#channels.values()) channel.lose(index, offset)
  }

  /** Acquires a channel for one more view. The channel stays present until the view passes it to `release`. */
  acquire (name: string): ChannelLog {
    const channel = this.#present(name)
    channel.views++
    return channel
  }

  /** Releases a channel that a view has acquired. */
  release (channel: ChannelLog): void {
    channel.views--
    if (channel.isIdle) this.#forget(channel)
  }

  #present (name: string): ChannelLog {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      channel = new ChannelLog(name, this.#forgottenChannels.lostOffset(name))
      this.#channels.set(name, channel)
    }
    return channel
  }

  #forget (channel: ChannelLog): void {
    this.#channels.delete(channel.name)
    this.#forgottenChannels.add(channel.name, channel.losses.offset)
    // No view shows the channel any more, so no subscriber can get them.
    for (const entry of channel.ephemeral) this.#unlist(entry)
  }

  #unlist (entry: Entry): void {
    if (--entry.listings === 0) this.#removeFromLog(entry)
  }

  #removeFromLog (entry: Entry): void {
    // An entry with an id of the application stays until it is evicted, because a reader may still resume from that id.
    if (entry.id === undefined) this.#log.remove(entry)
  }
}
