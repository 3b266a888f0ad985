import { Buffer } from 'node:buffer'
import type { Publication } from '../broker/broker.ts'
import { formatPosition, type Position } from '../broker/position.ts'
import { CustomIds } from './custom-ids.ts'
import { EntryList } from './entry-list.ts'
import { copyOf, sizeOf, type Entry } from './entry.ts'
import { Losses } from './losses.ts'
import { encodeId } from '../wire/encode.ts'

export interface LogBounds {
  /** Entries kept after a sweep. 0: what is not served at once is gone. */
  readonly maxEvents: number
  /** Bytes of entries held, at every moment. */
  readonly maxBytes: number
  /** Milliseconds an entry may be replayed for. */
  readonly maxAge: number
}

interface LogParts {
  /** The position before the first entry. */
  readonly origin: Position
  /** Of the kept entries, and once more of the ephemeral ones. */
  readonly bounds: LogBounds
  /** Entries below are not compressed; Infinity: none is. */
  readonly minBytesToCompress: number
  /** False: every entry is ephemeral, so none has an id, and no reader can resume. */
  readonly keeps: boolean
  /** Monotonic milliseconds. */
  now (): number
  /** An entry had to leave before everybody may have got it. */
  evicted (entry: Entry): void
}

// `id: `, epoch, `.`, offset, LF.
const MAX_POSITION_LINE_BYTES = 32

/**
 * The most that the `id` line of an entry takes.
 *
 * @param name The event ID that the application gave, if any.
 */
export function idLineBytes (name: string | undefined): number {
  return MAX_POSITION_LINE_BYTES + (name === undefined ? 0 : name.length + 1)
}

const NO_BYTES = Buffer.alloc(0)

/** Entries that share bounds. */
class Shelf {
  readonly entries = new EntryList()
  bytes = 0
}

/**
 * The bounded entries of this process.
 *
 * Every entry has an index. Kept ones also have a position, from which a reader can resume. The oldest leave first, kept and
 * ephemeral ones each within bounds of their own: ephemeral ones never push a kept one out.
 */
export class Log {
  readonly #parts: LogParts
  readonly #kept = new Shelf()
  readonly #ephemeral = new Shelf()
  readonly #customIds = new CustomIds()
  #head = 0
  #changes = 0
  #ephemeralHead = 0
  #newest: Position
  /** What was evicted so far. */
  readonly losses: Losses

  constructor (parts: LogParts) {
    this.#parts = parts
    this.#newest = parts.origin
    this.losses = new Losses(parts.origin.offset)
  }

  /** The index that the next entry will get. */
  get head (): number { return this.#head }

  /** Goes up whenever an entry comes or leaves. */
  get changes (): number { return this.#changes }

  /** Bytes of the kept entries, and of their compressed forms, those to come included. */
  get bytes (): number { return this.#kept.bytes }

  /** Entries that can be replayed. */
  get size (): number { return this.#kept.entries.size }

  /** The index after the newest ephemeral entry, there or not. */
  get ephemeralHead (): number { return this.#ephemeralHead }

  /** Ephemeral entries held for those that have still to get them. */
  get ephemeralSize (): number { return this.#ephemeral.entries.size }

  get origin (): Position { return this.#parts.origin }

  /** The position of the newest kept entry, there or not. */
  get newest (): Position { return this.#newest }

  /** The event ID of the newest kept entry; null without ids. */
  get lastEventId (): string | null { return this.idBefore(this.#head) }

  /** The most bytes that an entry may take, `id` line included, to stand here at all. */
  get maxBytes (): number { return this.#parts.bounds.maxBytes }

  /** False: nothing has an id. */
  get keeps (): boolean { return this.#parts.keeps }

  /**
   * Puts an event at the head, after evicting what `maxBytes` no longer allows.
   *
   * @param position Null: it is ephemeral.
   * @param publication With a body that takes, with its `id` line, at most `maxBytes`.
   */
  append (position: Position | null, { channels, body, id, key }: Publication): Entry {
    const kept = position !== null && this.#parts.keeps
    const text = kept ? encodeId(formatPosition(position, id)) + body : body
    const bytes = copyOf(text)
    const shelf = kept ? this.#kept : this.#ephemeral
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
    this.#evictWhile(shelf, () => shelf.bytes + size > this.#parts.bounds.maxBytes)
    shelf.entries.append(entry)
    shelf.bytes += size
    this.#changes++
    if (kept) this.#newest = position
    else this.#ephemeralHead = this.#head
    if (entry.id !== undefined) this.#customIds.add(entry.id, entry)
    return entry
  }

  /** Takes an entry out that nobody can hear any more. */
  remove (entry: Entry): void {
    const shelf = entry.position === null ? this.#ephemeral : this.#kept
    shelf.entries.remove(entry)
    shelf.bytes -= sizeOf(entry)
    this.#changes++
    // A list holds on to what is gone for a while; that must not hold on to the bytes.
    entry.bytes = NO_BYTES
    entry.deflated = null
  }

  /** Keeps the compressed form of an entry with it, where that is smaller. There is room for it. */
  holdDeflated (entry: Entry, deflated: Buffer): void {
    const shelf = entry.position === null ? this.#ephemeral : this.#kept
    shelf.bytes -= sizeOf(entry)
    entry.deflated = deflated.length < entry.bytes.length ? deflated : null
    shelf.bytes += sizeOf(entry)
  }

  /** What leaves no room for its compressed form goes out as it is. */
  #isCompressible ({ length }: Buffer): boolean {
    return length >= this.#parts.minBytesToCompress && 2 * length <= this.#parts.bounds.maxBytes
  }

  /**
   * Evicts what `maxEvents` and `maxAge` no longer allow, and ephemeral entries that nobody has still to get.
   *
   * @param served Bounds apply to entries before this index: every healthy subscriber has been given them, so that a burst of more
   * than `maxEvents` within one turn still reaches them all.
   * @param servedToAll Every subscriber, slow ones included, has been given the entries before this index.
   */
  trim (served: number, servedToAll: number): void {
    const { maxEvents } = this.#parts.bounds
    const born = this.#bornForReplay()
    for (const shelf of [this.#ephemeral, this.#kept]) {
      this.#evictWhile(shelf, ({ index, time }) => index < served && (shelf.entries.size > maxEvents || time < born))
    }
    // Nobody can come back for these.
    this.#evictWhile(this.#ephemeral, ({ index }) => index < servedToAll)
  }

  /** The event ID just before an index: who has it resumes exactly there. Null without ids. */
  idBefore (index: number): string | null {
    return this.idAt(this.offsetBefore(index))
  }

  /** The offset of that event ID. */
  offsetBefore (index: number): number {
    if (index >= this.#head) return this.#newest.offset
    const { entries } = this.#kept
    return entries.before(entries.slotOf(index))?.position?.offset ?? this.losses.offset
  }

  /** The event ID of an offset of this log's; null without ids. */
  idAt (offset: number): string | null {
    return this.#parts.keeps ? formatPosition({ epoch: this.#parts.origin.epoch, offset }) : null
  }

  /** The event ID of an entry; null where it has none. */
  idOf ({ id, position }: Entry): string | null {
    return position === null ? null : formatPosition(position, id)
  }

  /** The index of the oldest kept entry that the bounds still let anybody replay, trimmed or not; the head where there is none. */
  oldest (): number {
    const born = this.#bornForReplay()
    const { entries } = this.#kept
    return this.#indexAt(Math.max(entries.seek(({ time }) => time >= born), entries.newest(this.#parts.bounds.maxEvents)))
  }

  /** The index of the first kept entry after an offset; the head where there is none. */
  after (offset: number): number {
    return this.#indexAt(this.#kept.entries.seek(({ position }) => position!.offset > offset))
  }

  /** The kept entry with an event ID that the application gave; undefined where it gave it to several, which name no place. */
  find (id: string): Entry | undefined {
    return this.#customIds.find(id)
  }

  #indexAt (slot: number): number {
    const { entries } = this.#kept
    const present = entries.present(slot)
    return present === entries.end ? this.#head : entries.at(present).index
  }

  #bornForReplay (): number {
    return this.#parts.now() - this.#parts.bounds.maxAge
  }

  #evictWhile (shelf: Shelf, leaves: (oldest: Entry) => boolean): void {
    for (let oldest = shelf.entries.first; oldest !== undefined && leaves(oldest); oldest = shelf.entries.first) this.#evict(oldest)
  }

  #evict (entry: Entry): void {
    this.losses.record(entry)
    if (entry.id !== undefined) this.#customIds.removeOldest(entry.id)
    this.remove(entry)
    this.#parts.evicted(entry)
  }
}
