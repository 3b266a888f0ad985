import type { Buffer } from 'node:buffer'
import type { EventRecord } from '../broker/broker.ts'
import { formatPosition, type Position } from '../broker/position.ts'
import { CustomIdIndex } from './custom-id-index.ts'
import { copyOf, sizeOf, type Entry } from './entry.ts'
import { EntryTimes } from './entry-times.ts'
import { Histories } from './histories.ts'
import type { LogBounds } from './log-bounds.ts'
import { Breaks, Losses } from './losses.ts'
import { Partition } from './partition.ts'
import { encodeId } from '../wire/encode.ts'

interface LogParts {
  /** The position before the first entry. */
  readonly origin: Position
  readonly bounds: LogBounds
  /** The smallest size in bytes of an entry that is compressed; Infinity: no entry is compressed. */
  readonly minBytesToCompress: number
  /** False: every entry is ephemeral, so no entry has an id, and no reader can resume. */
  readonly keeps: boolean
  /** Monotonic milliseconds. */
  now (): number
  /** Called after each eviction. Some subscribers may not have received the entry. */
  evicted (entry: Entry): void
}

/**
 * The bounded entries of this process.
 *
 * Every entry has an index. A kept entry also has a position, from which a reader can resume. Bounds apply to kept and ephemeral entries
 * separately, so an ephemeral entry never evicts a kept one. The oldest entry of a kind is evicted first.
 */
export class Log {
  readonly #parts: LogParts
  readonly #kept = new Partition()
  readonly #ephemeral = new Partition()
  readonly #customIds = new CustomIdIndex()
  #head = 0
  #changes = 0
  #ephemeralHead = 0
  #newest: Position
  readonly #histories: Histories
  readonly #times: EntryTimes
  /** The newest evicted entries. */
  readonly losses: Losses
  readonly breaks = new Breaks()

  constructor (parts: LogParts) {
    this.#parts = parts
    this.#newest = parts.origin
    this.#times = new EntryTimes(parts.now)
    this.#histories = new Histories(parts.origin.epoch)
    this.losses = new Losses(parts.origin.offset)
  }

  /** The index that the next entry will get. */
  get head (): number { return this.#head }

  /** A counter that increases whenever an entry is appended or removed. */
  get changes (): number { return this.#changes }

  /** The total size of the kept entries in bytes, with the room reserved for their compressed forms. */
  get bytes (): number { return this.#kept.bytes }

  /** The number of kept entries. */
  get size (): number { return this.#kept.entries.size }

  /** The index after the newest ephemeral entry, whether that entry is still present or not; 0: there was none. */
  get ephemeralHead (): number { return this.#ephemeralHead }

  /** The number of ephemeral entries, each held until every subscriber has received it. */
  get ephemeralSize (): number { return this.#ephemeral.entries.size }

  /** The position of the newest kept entry, whether that entry is still present or not; `origin` if there was none. */
  get newest (): Position { return this.#newest }

  /** The position of the oldest kept entry; `newest` if there is none. */
  get oldestPosition (): Position { return this.#kept.entries.first?.position ?? this.#newest }

  /** The event ID at the head of the log; null if this log has no ids. */
  get lastEventId (): string | null { return this.idBefore(this.#head) }

  /** The maximum size of one entry in bytes, with its `id` line. */
  get maxBytes (): number { return this.#parts.bounds.maxBytes }

  /** False: every entry is ephemeral, and no entry has an id. */
  get keeps (): boolean { return this.#parts.keeps }

  /**
   * Appends an event at the head. First evicts the oldest entries of its kind until the new entry fits into `maxBytes`.
   *
   * @param position The position of the event; null for an ephemeral event.
   * @param record An event whose body and `id` line take at most `maxBytes`.
   */
  append (position: Position | null, { channels, body, id, key, time }: EventRecord): Entry {
    const kept = position !== null && this.#parts.keeps
    const text = kept ? encodeId(formatPosition(position, id)) + body : body
    const bytes = copyOf(text)
    const partition = kept ? this.#kept : this.#ephemeral
    const entry: Entry = {
      index: this.#head++,
      position: kept ? position : null,
      id: kept ? id : undefined,
      channels,
      key,
      time: this.#times.of(time),
      bytes,
      deflated: this.#isCompressible(bytes) ? undefined : null,
      listings: 0
    }
    const size = sizeOf(entry)
    this.#evictWhile(partition, () => partition.bytes + size > this.#parts.bounds.maxBytes)
    partition.append(entry)
    this.#changes++
    if (kept) this.#newest = position
    else this.#ephemeralHead = this.#head
    if (entry.id !== undefined) this.#customIds.add(entry.id, entry)
    return entry
  }

  /**
   * Records that unknown entries were lost on their way to this log.
   *
   * @param upTo The newest position that may be lost; null: only ephemeral entries were lost.
   * @returns The index that stands for them: a reader that has not got beyond it has lost something.
   */
  lose (upTo: Position | null): number {
    const index = this.#head++
    this.#changes++
    this.breaks.holeAt = index
    if (upTo === null) {
      this.losses.ephemeral = index
      this.#ephemeralHead = this.#head
    } else {
      this.losses.lose(index, upTo.offset)
      this.#newest = upTo
    }
    return index
  }

  /**
   * Evicts all entries and begins a new history.
   *
   * @param origin The position before the next kept entry.
   * @returns The index that stands for everything that was lost.
   */
  reset (origin: Position): number {
    for (const partition of [this.#ephemeral, this.#kept]) this.#evictWhile(partition, () => true)
    const index = this.lose(origin)
    this.breaks.resetAt = index
    this.#histories.begin(origin.epoch, index + 1)
    return index
  }

  /** Removes an entry that no reader can get any more. Records no loss. */
  remove (entry: Entry): void {
    this.#partitionOf(entry).remove(entry)
    this.#changes++
  }

  /** Stores the compressed form of an entry if it is smaller than the entry. `sizeOf` has reserved the room for it. */
  holdDeflated (entry: Entry, deflated: Buffer): void {
    this.#partitionOf(entry).holdDeflated(entry, deflated)
  }

  /** An entry that leaves no room for its compressed form within `maxBytes` is sent uncompressed. */
  #isCompressible ({ length }: Buffer): boolean {
    return length >= this.#parts.minBytesToCompress && 2 * length <= this.#parts.bounds.maxBytes
  }

  /**
   * Evicts the entries that exceed `maxEvents` or `maxAge`, and the ephemeral entries that every subscriber has received.
   *
   * @param served The index up to which all healthy subscribers were served. A subscriber is healthy if its socket accepts bytes. Later entries
   * stay, so that a burst of more than `maxEvents` within one turn of the event loop reaches every healthy subscriber.
   * @param servedToAll The index up to which all subscribers were served, slow subscribers included.
   */
  trim (served: number, servedToAll: number): void {
    const { maxEvents } = this.#parts.bounds
    const earliest = this.#earliestTime()
    for (const partition of [this.#ephemeral, this.#kept]) {
      this.#evictWhile(partition, ({ index, time }) => index < served && (partition.entries.size > maxEvents || time < earliest))
    }
    // Ephemeral entries are never replayed.
    this.#evictWhile(this.#ephemeral, ({ index }) => index < servedToAll)
  }

  /** Returns the event ID just before an index: a reader that resumes from it continues at this index. Null if this log has no ids. */
  idBefore (index: number): string | null {
    return this.idAt(this.offsetBefore(index), Math.max(index, this.#histories.from))
  }

  /** Returns the offset of the event ID just before an index. */
  offsetBefore (index: number): number {
    if (index >= this.#head) return this.#newest.offset
    const { entries } = this.#kept
    return entries.before(entries.slotOf(index))?.position?.offset ?? this.losses.offset
  }

  /**
   * Formats an offset of this log as an event ID; null if this log has no ids.
   *
   * @param index An index in the history that the offset belongs to.
   */
  idAt (offset: number, index: number): string | null {
    return this.#parts.keeps ? formatPosition({ epoch: this.#histories.epochAt(index), offset }) : null
  }

  /** Finds the index of the oldest kept entry within `maxEvents` and `maxAge`, even before the next `trim`; the head if there is none. */
  oldest (): number {
    const earliest = this.#earliestTime()
    const { entries } = this.#kept
    return this.#indexAt(Math.max(entries.seek(({ time }) => time >= earliest), entries.newest(this.#parts.bounds.maxEvents)))
  }

  /** Finds the index of the first kept entry after an offset; the head if there is none. */
  after (offset: number): number {
    return this.#indexAt(this.#kept.entries.seek(({ position }) => position!.offset > offset))
  }

  /** Finds the kept entry with an id that the application gave; undefined if no entry has this id, or if several have it. */
  find (id: string): Entry | undefined {
    return this.#customIds.find(id)
  }

  #partitionOf ({ position }: Entry): Partition {
    return position === null ? this.#ephemeral : this.#kept
  }

  #indexAt (slot: number): number {
    const { entries } = this.#kept
    const present = entries.present(slot)
    return present === entries.end ? this.#head : entries.at(present).index
  }

  #earliestTime (): number {
    return this.#parts.now() - this.#parts.bounds.maxAge
  }

  #evictWhile (partition: Partition, condition: (oldest: Entry) => boolean): void {
    for (let oldest = partition.entries.first; oldest !== undefined && condition(oldest); oldest = partition.entries.first) this.#evict(oldest)
  }

  #evict (entry: Entry): void {
    this.losses.record(entry)
    if (entry.id !== undefined) this.#customIds.removeOldest(entry.id)
    this.remove(entry)
    this.#parts.evicted(entry)
  }
}
