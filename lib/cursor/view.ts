import { MAX_BATCH_BYTES, type Batch, type BatchCache } from './batch-cache.ts'
import type { Coding } from './entry-coding.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import type { EntryList } from '../log/entry-list.ts'
import { eventIdOf, type Entry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { encodeGap } from '../wire/plugin-events.ts'
import type { GapReason } from '../wire/reasons.ts'

/**
 * One distinct set of channels in one coding, for all subscribers that hear it.
 *
 * Subscribers at one cursor share one batch: its bytes are joined and framed once, not per subscriber.
 */
export class View {
  /** The key in `Views`. */
  readonly key: string
  /** The names of the channels. */
  readonly channels: readonly string[]
  readonly parts: readonly ChannelLog[]
  readonly coding: Coding
  /** The number of cursors that hold the view. Only `Views` changes it. */
  subscribers = 0
  readonly #log: Log
  readonly #batchCache: BatchCache
  #head = 0
  /** The head of the log when `#head` was computed. */
  #headAt = -1

  constructor (key: string, log: Log, parts: readonly ChannelLog[], coding: Coding, batchCache: BatchCache) {
    this.key = key
    this.#log = log
    this.#batchCache = batchCache
    this.parts = parts
    this.coding = coding
    this.channels = parts.map(({ name }) => name)
  }

  /** The index after the newest entry of these channels, whether that entry is still present or not; 0: there was none. */
  get head (): number {
    // Computed once for all subscribers of the view, and only after an entry was appended to the log.
    if (this.#headAt !== this.#log.head) {
      this.#headAt = this.#log.head
      for (const { keptHead, ephemeralHead } of this.parts) this.#head = Math.max(this.#head, keptHead, ephemeralHead)
    }
    return this.#head
  }

  /** The index after the newest kept entry, whether that entry is still present or not; 0: there was none. */
  get keptHead (): number { return Math.max(0, ...this.parts.map(({ keptHead }) => keptHead)) }

  /** The index after the newest ephemeral entry, whether that entry is still present or not; 0: there was none. */
  get ephemeralHead (): number { return Math.max(0, ...this.parts.map(({ ephemeralHead }) => ephemeralHead)) }

  /** True if the view has a kept entry at or after `from` and before `to`. */
  hasKept (from: number, to: number): boolean {
    return this.parts.some(({ kept }) => (kept.firstFrom(from)?.index ?? to) < to)
  }

  /**
   * Encodes `sse.gap`, which tells a reader that entries it could have heard are no longer available.
   *
   * @param cursor The index at which the reader continues.
   * @param lastEventId The event ID at which the gap begins; absent if it is unknown.
   */
  gap (cursor: number, reason: GapReason, lastEventId?: string): string {
    const oldest = this.#firstKept(cursor)
    const oldestEventId = oldest === undefined ? undefined : eventIdOf(oldest) ?? undefined
    return encodeGap(this.#log.idBefore(cursor), { reason, lastEventId, oldestEventId })
  }

  /**
   * Counts the entries at or after an index.
   *
   * @param ephemeralFrom The index from which ephemeral entries count.
   * @param others Channels whose entries do not count.
   */
  countFrom (from: number, ephemeralFrom = from, others: readonly string[] = []): number {
    let count = 0
    const visit = (entry: Entry): boolean => {
      const isOurs = others.length === 0 || !entry.channels.some((name) => others.includes(name))
      if (isOurs && (entry.position !== null || entry.index >= ephemeralFrom)) count++
      return true
    }
    if (from < this.head) this.#walk(this.#lists(true), from, this.#log.head, visit)
    return count
  }

  /** Computes an upper bound of `countFrom` without visiting the entries. */
  atMostFrom (from: number): number {
    if (from >= this.head) return 0
    return this.#lists(true).reduce((sum, list) => sum + list.atMostFrom(from), 0)
  }

  /**
   * Joins the entries of one write.
   *
   * @param cursor The index of the first entry.
   * @param limit The index before which the batch ends. It may end earlier, because its size is limited.
   * @param replay True: without ephemeral entries, because the reader was not connected when they were placed.
   */
  batch (cursor: number, limit: number, replay: boolean): Batch {
    // Not cached for a single subscriber, because no other would use the batch.
    if (this.subscribers === 1) return this.#join(cursor, limit, replay)
    const place = replay ? ~cursor : cursor
    const shared = this.#batchCache.get(this, place)
    if (shared !== undefined && shared.next <= limit) return shared
    const batch = this.#join(cursor, limit, replay)
    this.#batchCache.set(this, place, batch)
    return batch
  }

  #firstKept (from: number): Entry | undefined {
    let first: Entry | undefined
    for (const { kept } of this.parts) {
      const entry = kept.firstFrom(from)
      if (entry !== undefined && (first === undefined || entry.index < first.index)) first = entry
    }
    return first
  }

  #lists (withEphemeral: boolean): EntryList[] {
    const lists = this.parts.map(({ kept }) => kept)
    return withEphemeral ? lists.concat(this.parts.map(({ ephemeral }) => ephemeral)) : lists
  }

  #join (cursor: number, limit: number, replay: boolean): Batch {
    const entries: Entry[] = []
    let bytes = 0
    let next = limit
    this.#walk(this.#lists(!replay), cursor, limit, (entry) => {
      // An entry larger than the limit becomes a batch by itself.
      if (bytes > 0 && bytes + entry.bytes.length > MAX_BATCH_BYTES) {
        next = entry.index
        return false
      }
      entries.push(entry)
      bytes += entry.bytes.length
      return true
    })
    const chunk = this.coding.join(entries, cursor, next)
    return { chunk, next, offset: this.#log.offsetBefore(next), events: entries.length, bytes }
  }

  /**
   * Visits entries in order, each once, even if several lists contain it.
   *
   * @param from The index of the first entry.
   * @param to The index before which the walk ends.
   * @param visit The visitor; it returns false to end the walk.
   */
  #walk (lists: readonly EntryList[], from: number, to: number, visit: (entry: Entry) => boolean): void {
    const places = []
    for (const entries of lists) {
      const slot = entries.present(entries.slotOf(from))
      if (slot < entries.end) places.push({ entries, slot, index: entries.at(slot).index })
    }
    for (;;) {
      let oldest: typeof places[number] | undefined
      for (const place of places) if (oldest === undefined || place.index < oldest.index) oldest = place
      if (oldest === undefined || oldest.index >= to) return
      const { index } = oldest
      if (!visit(oldest.entries.at(oldest.slot))) return
      for (const place of places) {
        if (place.index !== index) continue
        place.slot = place.entries.present(place.slot + 1)
        place.index = place.slot < place.entries.end ? place.entries.at(place.slot).index : Infinity
      }
    }
  }
}
