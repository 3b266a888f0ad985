import { createChunk, type Chunk } from './chunk.ts'
import type { GapReason, Log } from './log.ts'
import { encodeGap } from './own-events.ts'

/** The channel that every subscriber hears unless it asked for others. */
export const EVERYBODY = '*'

/** Consecutive entries as one chunk: what one subscriber gets in one write. */
export interface Run {
  readonly chunk: Chunk
  /** The cursor of whoever has been given it. */
  readonly next: number
  /** The event ID of its last entry; null where the stream has no ids. */
  readonly lastEventId: string | null
  readonly events: number
}

// 64 KiB: large enough that a write costs little per event, small enough that one reader's replay leaves the loop to others.
const MAX_RUN_BYTES = 64 * 1024

// Readers that replay from different places would otherwise fill the memory with runs that nobody shares.
const MAX_SHARED_RUNS = 32

/**
 * What the subscribers of one distinct set of channels hear of the log.
 *
 * The same `Run` for every subscriber at the same cursor: the bytes are joined and framed once, not per subscriber.
 */
export class View {
  readonly channels: readonly string[]
  readonly #log: Log
  readonly #runs = new Map<number, Run>()
  /** The head that the shared runs were built for. */
  #head = 0

  constructor (log: Log, channels: readonly string[]) {
    this.#log = log
    this.channels = channels
  }

  /** The oldest index that can still be served. */
  get start (): number { return this.#log.start }

  get head (): number { return this.#log.head }

  /** The event ID just before an index; null where the stream has no ids. */
  idBefore (index: number): string | null { return this.#log.idBefore(index) }

  /** What tells a reader, before it goes on at `cursor`, that entries it could hear are gone. */
  gap (cursor: number, reason: GapReason, lastEventId?: string): string {
    return encodeGap(this.#log.idBefore(cursor), { reason, lastEventId, oldestEventId: this.#log.idAt(cursor) ?? undefined })
  }

  /**
   * The entries from a cursor on, at most up to `limit`. The cursor is at or after `start`, and before `limit`.
   */
  run (cursor: number, limit: number): Run {
    if (this.#head !== this.#log.head) {
      this.#runs.clear()
      this.#head = this.#log.head
    }
    const shared = this.#runs.get(cursor)
    if (shared !== undefined && shared.next <= limit) return shared
    const run = this.#join(cursor, limit)
    if (this.#runs.size === MAX_SHARED_RUNS) this.#runs.clear()
    this.#runs.set(cursor, run)
    return run
  }

  #join (cursor: number, limit: number): Run {
    const parts: Buffer[] = []
    let length = 0
    let next = cursor
    while (next < limit) {
      const { bytes } = this.#log.at(next)
      // One entry larger than a run goes alone.
      if (length > 0 && length + bytes.length > MAX_RUN_BYTES) break
      parts.push(bytes)
      length += bytes.length
      next++
    }
    return { chunk: createChunk(parts, length), next, lastEventId: this.#log.idBefore(next), events: parts.length }
  }

  /** Lets go of shared bytes once nobody is behind. */
  rest (): void {
    this.#runs.clear()
  }
}
