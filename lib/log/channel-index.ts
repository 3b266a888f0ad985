import type { Publication } from '../broker/broker.ts'
import type { Position } from '../broker/position.ts'
import { ChannelLog } from './channel-log.ts'
import type { Entry } from './entry.ts'
import { ForgottenChannels } from './forgotten-channels.ts'
import type { Log } from './log.ts'

/**
 * The entries of the log by channel.
 *
 * A channel is present while a view shows it or an entry of it is kept. Every call costs in proportion to the channels
 * concerned, however many there are.
 */
export class ChannelIndex {
  readonly #log: Log
  readonly #channels = new Map<string, ChannelLog>()
  readonly #forgottenChannels: ForgottenChannels
  /** Entries that a later one of the same key replaced, counted once per channel. */
  replaced = 0

  constructor (log: Log) {
    this.#log = log
    this.#forgottenChannels = new ForgottenChannels(log.origin.offset)
  }

  /** Channels that a view shows, or that have entries kept. */
  get size (): number { return this.#channels.size }

  /** Puts an event at the head of the log, and of its channels. */
  append (position: Position | null, publication: Publication): void {
    const entry = this.#log.append(position, publication)
    for (const name of entry.channels) {
      // Of an ephemeral entry that nobody is there to hear, nothing is left behind.
      const channel = entry.position === null ? this.#channels.get(name) : this.#present(name)
      if (channel === undefined) continue
      entry.listings++
      const replaced = channel.append(entry)
      if (replaced === undefined) continue
      this.replaced++
      this.#unlist(replaced)
    }
    if (entry.listings === 0) this.#takeOut(entry)
  }

  /** The log let go of an entry. */
  evict (entry: Entry): void {
    for (const name of entry.channels) {
      const channel = this.#channels.get(name)
      channel?.evict(entry)
      if (channel?.isIdle) this.#forget(channel)
    }
  }

  /** The channel of a name, for one more view. Give it back with `release`. */
  acquire (name: string): ChannelLog {
    const channel = this.#present(name)
    channel.views++
    return channel
  }

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
    // No view is left to show them.
    for (const entry of channel.ephemeral) this.#unlist(entry)
  }

  #unlist (entry: Entry): void {
    if (--entry.listings === 0) this.#takeOut(entry)
  }

  #takeOut (entry: Entry): void {
    // The event ID of an entry that was replaced still says where its reader stands.
    if (entry.id === undefined) this.#log.remove(entry)
  }
}
