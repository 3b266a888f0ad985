import { MAX_BATCH_BYTES, type Batch, type BatchCache } from './batch-cache.ts'
import type { Coding } from './entry-coding.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import type { EntryList } from '../log/entry-list.ts'
import type { Entry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { encodeGap } from '../wire/plugin-events.ts'
import type { GapReason } from '../wire/reasons.ts'

/**
 * What the subscribers of one distinct set of channels hear of the log, in one coding.
 *
 * The same `Run` for every subscriber at the same cursor: the bytes are joined and framed once, not per subscriber.
 */
export class View {
  readonly key: string
  readonly channels: readonly string[]
  readonly parts: readonly ChannelLog[]
  readonly coding: Coding
  /** Those that have it. */
  subscribers = 0
  readonly #log: Log
  readonly #batchCache: BatchCache
  #head = 0
  /** The head of the log that `#head` was looked up for. */
  #headAt = -1

  constructor (key: string, log: Log, parts: readonly ChannelLog[], coding: Coding, batchCache: BatchCache) {
    this.key = key
    this.#log = log
    this.#batchCache = batchCache
    this.parts = parts
    this.coding = coding
    this.channels = parts.map(({ name }) => name)
  }

  /** The index after the newest entry that it ever had. */
  get head (): number {
    // Looked up once for all its subscribers, and only when something was appended anywhere.
    if (this.#headAt !== this.#log.head) {
      this.#headAt = this.#log.head
      for (const { keptHead, ephemeralHead } of this.parts) this.#head = Math.max(this.#head, keptHead, ephemeralHead)
    }
    return this.#head
  }

  /** The index after the newest kept entry that it ever had. */
  get keptHead (): number { return Math.max(0, ...this.parts.map(({ keptHead }) => keptHead)) }

  /** The index after the newest ephemeral entry that it ever had. */
  get ephemeralHead (): number { return Math.max(0, ...this.parts.map(({ ephemeralHead }) => ephemeralHead)) }

  /** Whether it has a kept entry from one index up to, not including, another. */
  hasKept (from: number, to: number): boolean {
    return this.parts.some(({ kept }) => (kept.firstFrom(from)?.index ?? to) < to)
  }

  /** What tells a reader, before it goes on at a cursor, that entries it could hear are gone. */
  gap (cursor: number, reason: GapReason, lastEventId?: string): string {
    const oldest = this.#firstKept(cursor)
    const oldestEventId = oldest === undefined ? undefined : this.#log.idOf(oldest) ?? undefined
    return encodeGap(this.#log.idBefore(cursor), { reason, lastEventId, oldestEventId })
  }

  /**
   * How many entries there are from an index on.
   *
   * @param ephemeralFrom Ephemeral ones from here on only.
   * @param others Entries of these channels as well are not counted.
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

  /** The most that `countFrom` can give, found without looking at the entries. */
  atMostFrom (from: number): number {
    if (from >= this.head) return 0
    return this.#lists(true).reduce((sum, list) => sum + list.atMostFrom(from), 0)
  }

  /**
   * The entries from a cursor on, at most up to `limit`.
   *
   * @param replay Without ephemeral entries: its reader was not there when they were placed.
   */
  batch (cursor: number, limit: number, replay: boolean): Batch {
    // One subscriber has nobody to share with.
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
      // One entry larger than a batch goes alone.
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

  /** Visits the entries from one index up to, not including, another, in order, each once, until told to stop. */
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
