import { Buffer } from 'node:buffer'
import type { Publication } from '../broker/broker.ts'
import { formatPosition, type Position } from '../broker/position.ts'
import { CustomIdIndex } from './custom-id-index.ts'
import { EntryList } from './entry-list.ts'
import { copyOf, sizeOf, type Entry } from './entry.ts'
import { Losses } from './losses.ts'
import { encodeId } from '../wire/encode.ts'

/** The bounds of kept entries, and separately of ephemeral entries. */
export interface LogBounds {
  /** The number of entries that `trim` keeps; 0: an entry leaves as soon as it is served. Entries that are not served yet may exceed it. */
  readonly maxEvents: number
  /** The total size of the entries in bytes, which is never exceeded. */
  readonly maxBytes: number
  /** The time in milliseconds for which an entry may be replayed. */
  readonly maxAge: number
}

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

// `id: `, epoch, `.`, offset, LF.
const MAX_POSITION_LINE_BYTES = 32

/**
 * Computes the maximum size of the `id` line of an entry, in bytes.
 *
 * @param id The id that the application gave to the event: ASCII; undefined: the event ID is the position alone.
 */
export function idLineBytes (id: string | undefined): number {
  return MAX_POSITION_LINE_BYTES + (id === undefined ? 0 : id.length + 1)
}

const NO_BYTES = Buffer.alloc(0)

/** The kept or the ephemeral entries, which have separate bounds. */
class Partition {
  readonly entries = new EntryList()
  bytes = 0
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
  /** The newest evicted entries. */
  readonly losses: Losses

  constructor (parts: LogParts) {
    this.#parts = parts
    this.#newest = parts.origin
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

  /** The position before the first entry. */
  get origin (): Position { return this.#parts.origin }

  /** The position of the newest kept entry, whether that entry is still present or not; `origin` if there was none. */
  get newest (): Position { return this.#newest }

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
   * @param publication An event whose body and `id` line take at most `maxBytes`.
   */
  append (position: Position | null, { channels, body, id, key }: Publication): Entry {
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
      time: this.#parts.now(),
      bytes,
      deflated: this.#isCompressible(bytes) ? undefined : null,
      listings: 0
    }
    const size = sizeOf(entry)
    this.#evictWhile(partition, () => partition.bytes + size > this.#parts.bounds.maxBytes)
    partition.entries.append(entry)
    partition.bytes += size
    this.#changes++
    if (kept) this.#newest = position
    else this.#ephemeralHead = this.#head
    if (entry.id !== undefined) this.#customIds.add(entry.id, entry)
    return entry
  }

  /** Removes an entry that no reader can get any more. Records no loss. */
  remove (entry: Entry): void {
    const partition = entry.position === null ? this.#ephemeral : this.#kept
    partition.entries.remove(entry)
    partition.bytes -= sizeOf(entry)
    this.#changes++
    // The list refers to removed entries until it is compacted, and must not keep their bytes alive.
    entry.bytes = NO_BYTES
    entry.deflated = null
  }

  /** Stores the compressed form of an entry if it is smaller than the entry. `sizeOf` has reserved the room for it. */
  holdDeflated (entry: Entry, deflated: Buffer): void {
    const partition = entry.position === null ? this.#ephemeral : this.#kept
    partition.bytes -= sizeOf(entry)
    entry.deflated = deflated.length < entry.bytes.length ? deflated : null
    partition.bytes += sizeOf(entry)
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
    return this.idAt(this.offsetBefore(index))
  }

  /** Returns the offset of the event ID just before an index. */
  offsetBefore (index: number): number {
    if (index >= this.#head) return this.#newest.offset
    const { entries } = this.#kept
    return entries.before(entries.slotOf(index))?.position?.offset ?? this.losses.offset
  }

  /** Formats an offset of this log as an event ID; null if this log has no ids. */
  idAt (offset: number): string | null {
    return this.#parts.keeps ? formatPosition({ epoch: this.#parts.origin.epoch, offset }) : null
  }

  /** Returns the event ID of an entry; null if the entry is ephemeral. */
  idOf ({ id, position }: Entry): string | null {
    return position === null ? null : formatPosition(position, id)
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
