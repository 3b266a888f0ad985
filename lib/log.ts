import { encodeId } from './encode.ts'
import { formatPosition, parsePosition, type Position } from './position.ts'

/** One event in order, encoded. */
export interface Entry {
  readonly position: Position
  /** Who may hear it. */
  readonly channels: readonly string[]
  /** The whole event as it goes out, `id` line included. */
  readonly bytes: Buffer
  /** When it was appended, in milliseconds of the log's clock. */
  readonly time: number
}

export interface LogBounds {
  /** Entries kept after a sweep. 0: what is not served at once is gone. */
  readonly maxEvents: number
  /** Bytes of entries held, at every moment. */
  readonly maxBytes: number
  /** Milliseconds an entry may be replayed for. */
  readonly maxAge: number
}

export type GapReason = 'evicted' | 'foreign' | 'unknown' | 'future' | 'slow'

/** Where a reader starts, and what it has to be told first. */
export interface Placement {
  readonly cursor: number
  /** Set where entries it could hear are no longer there. */
  readonly gap?: GapReason
}

const INITIAL_SLOTS = 64

/** The most that an `id` line takes: `id: `, epoch, `.`, offset, LF. */
export const MAX_ID_LINE_BYTES = 32

/**
 * The bounded entries of this process, addressed by index.
 *
 * A ring of slots that doubles while the bounds allow: appending and evicting move no entry, and an index finds its slot by
 * masking. Entries leave from the start only, so what is left is always one gapless stretch.
 */
export class Log {
  readonly #bounds: LogBounds
  readonly #now: () => number
  readonly #withIds: boolean
  #slots: Array<Entry | undefined> = new Array(INITIAL_SLOTS)
  #start = 0
  #head = 0
  #bytes = 0
  /** The position just before the oldest entry: what a reader must have seen to have missed nothing. */
  #floor: Position
  #newest: Position

  /**
   * @param origin The position before the first entry.
   * @param withIds False: entries carry no id, and no reader can resume.
   */
  constructor (origin: Position, bounds: LogBounds, withIds: boolean, now: () => number) {
    this.#floor = this.#newest = origin
    this.#bounds = bounds
    this.#withIds = withIds
    this.#now = now
  }

  /** The index of the oldest entry, dense and local as all of them; equal to `head` when there is none. */
  get start (): number { return this.#start }

  /** The index that the next entry will get. */
  get head (): number { return this.#head }

  get bytes (): number { return this.#bytes }

  get lastEventId (): string | null { return this.#withIds ? formatPosition(this.#newest) : null }

  /** The most bytes that an entry may take, `id` line included, to stand here at all. */
  get maxBytes (): number { return this.#bounds.maxBytes }

  /**
   * Puts an event at the head, after evicting what `maxBytes` no longer allows.
   *
   * @param body The encoded event without an id; with `MAX_ID_LINE_BYTES`, at most `maxBytes`.
   */
  append (position: Position, channels: readonly string[], body: string): void {
    const bytes = Buffer.from(this.#withIds ? encodeId(formatPosition(position)) + body : body)
    while (this.#start < this.#head && this.#bytes + bytes.length > this.#bounds.maxBytes) this.#evict()
    if (this.#head - this.#start === this.#slots.length) this.#grow()
    this.#slots[this.#head & (this.#slots.length - 1)] = { position, channels, bytes, time: this.#now() }
    this.#head++
    this.#bytes += bytes.length
    this.#newest = position
  }

  /** The entry at an index from `start` up to, not including, `head`. */
  at (index: number): Entry {
    return this.#slots[index & (this.#slots.length - 1)]!
  }

  /**
   * Evicts what `maxEvents` and `maxAge` no longer allow.
   *
   * @param served Only entries before this index: every healthy subscriber has been given them, so that a burst of more than
   * `maxEvents` within one turn still reaches them all.
   */
  trim (served: number): void {
    const fewest = this.#head - this.#bounds.maxEvents
    while (this.#start < served && this.#start < fewest) this.#evict()
    const young = this.#youngEnough()
    while (this.#start < served && this.#start < young) this.#evict()
  }

  /** The event ID that stands just before an index: who has it resumes exactly there. Null without ids. */
  idBefore (index: number): string | null {
    if (!this.#withIds) return null
    return formatPosition(this.#before(index))
  }

  /** The event ID of the entry at an index; null without ids, and at the head. */
  idAt (index: number): string | null {
    return this.#withIds && index < this.#head ? formatPosition(this.at(index).position) : null
  }

  /** Where a reader starts that wants everything kept. */
  oldest (): number {
    return this.#withIds ? this.#youngEnough() : this.#head
  }

  /**
   * Where a reader starts that comes back. Never refuses: an id that says nothing to this log is a gap, not an error.
   */
  resume (lastEventId: string): Placement {
    if (!this.#withIds) return { cursor: this.#head }
    const position = parsePosition(lastEventId)
    if (position?.epoch === this.#newest.epoch) {
      if (position.offset > this.#newest.offset) return { cursor: this.#head, gap: 'future' }
      const oldest = this.#youngEnough()
      if (position.offset >= this.#before(oldest).offset) return { cursor: this.#after(position.offset) }
      return { cursor: oldest, gap: 'evicted' }
    }
    return { cursor: this.#youngEnough(), gap: position === undefined ? 'unknown' : 'foreign' }
  }

  #before (index: number): Position {
    return index > this.#start ? this.at(index - 1).position : this.#floor
  }

  /** The oldest index that `maxAge` still lets anybody replay, evicted already or not. */
  #youngEnough (): number {
    const { maxAge } = this.#bounds
    if (maxAge === Infinity) return this.#start
    const oldest = this.#now() - maxAge
    return this.#bisect((entry) => entry.time >= oldest)
  }

  #after (offset: number): number {
    return this.#bisect((entry) => entry.position.offset > offset)
  }

  /** The first index whose entry, and so every later one, passes. Offsets and times ascend, but are not dense. */
  #bisect (passes: (entry: Entry) => boolean): number {
    let low = this.#start
    let high = this.#head
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (passes(this.at(middle))) high = middle
      else low = middle + 1
    }
    return low
  }

  #evict (): void {
    const slot = this.#start & (this.#slots.length - 1)
    const entry = this.#slots[slot]!
    this.#slots[slot] = undefined
    this.#bytes -= entry.bytes.length
    this.#floor = entry.position
    this.#start++
  }

  #grow (): void {
    const slots = new Array<Entry | undefined>(this.#slots.length * 2)
    for (let index = this.#start; index < this.#head; index++) slots[index & (slots.length - 1)] = this.at(index)
    this.#slots = slots
  }
}
