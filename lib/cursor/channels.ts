import type { Publication } from '../broker/broker.ts'
import type { Position } from '../broker/position.ts'
import { BatchCache } from './batch-cache.ts'
import { IDENTITY } from './entry-coding.ts'
import { GzipCoding } from './gzip-entry-coding.ts'
import { View } from './view.ts'
import { ChannelLog } from '../log/channel-log.ts'
import type { Entry } from '../log/entry.ts'
import { ForgottenChannels } from '../log/forgotten-channels.ts'
import type { Log } from '../log/log.ts'
import type { CodingName } from '../wire/chunk.ts'

/**
 * Who hears what: the entries of the log by channel, and the views that subscribers have of them.
 *
 * A channel is here as long as somebody hears it or an entry of it is kept. Everything costs in proportion to the channels
 * concerned, however many there are.
 */
export class Channels {
  readonly #log: Log
  readonly #channels = new Map<string, ChannelLog>()
  readonly #views = new Map<string, View>()
  readonly #batchCache: BatchCache
  readonly #forgottenChannels: ForgottenChannels
  /** Entries that a later one of the same key replaced. */
  replaced = 0

  constructor (log: Log) {
    this.#log = log
    this.#batchCache = new BatchCache(log)
    this.#forgottenChannels = new ForgottenChannels(log.origin.offset)
  }

  /** Channels that are heard, or have entries kept. */
  get size (): number { return this.#channels.size }

  /** Distinct sets of channels that somebody hears, each in one coding. */
  get views (): number { return this.#views.size }

  /** Puts an event at the head of the log, and of its channels. */
  append (position: Position | null, publication: Publication): void {
    const entry = this.#log.append(position, publication)
    for (const name of entry.channels) {
      // Of an ephemeral entry that nobody is there to hear, nothing is left behind.
      const channel = entry.position === null ? this.#channels.get(name) : this.#channel(name)
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

  /** The view of a set of channels, for one more subscriber. Give it back with `release`. */
  view (names: Iterable<string>, coding: CodingName = 'identity'): View {
    const channels = [...new Set(names)].sort()
    const key = `${coding}\n${channels.join('\n')}`
    let view = this.#views.get(key)
    if (view === undefined) {
      const coder = coding === 'gzip' ? new GzipCoding(this.#log) : IDENTITY
      view = new View(key, this.#log, channels.map((name) => this.#channel(name)), coder, this.#batchCache)
      this.#views.set(key, view)
    }
    view.subscribers++
    return view
  }

  release (view: View): void {
    if (--view.subscribers > 0) return
    this.#views.delete(view.key)
    for (const channel of view.parts) {
      channel.views--
      if (channel.isIdle) this.#forget(channel)
    }
  }

  /** Lets go of shared bytes once nobody is behind. */
  rest (): void {
    this.#batchCache.clear()
  }

  #channel (name: string): ChannelLog {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      channel = new ChannelLog(name, this.#forgottenChannels.evictedOffset(name))
      this.#channels.set(name, channel)
    }
    return channel
  }

  #forget (channel: ChannelLog): void {
    this.#channels.delete(channel.name)
    this.#forgottenChannels.add(channel.name, channel.evictedOffset)
    // There is nobody left to hear them here.
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
