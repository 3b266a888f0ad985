import type { Log } from '../log/log.ts'
import type { Chunk } from '../wire/http-chunk.ts'

/** Entries of one view, joined in order to one chunk, which a subscriber gets in one write. */
export interface Batch {
  readonly chunk: Chunk
  /** The index at which a subscriber continues after the batch. */
  readonly next: number
  /** The offset of the event ID just before `next`. */
  readonly offset: number
  /** The number of entries. */
  readonly events: number
  /** The total size of the entries in bytes, before compression. */
  readonly bytes: number
}

// Large enough that a write costs little per event, and small enough that the replay of one reader does not block the event loop.
export const MAX_BATCH_BYTES = 64 * 1024

// Limits the cache, because replays from many cursors, or many small views, would fill the memory with batches that few subscribers share.
const MAX_BYTES = 8 * 1024 * 1024

/**
 * The batches of the current state of the log. All subscribers of one view at one cursor share a batch.
 */
export class BatchCache {
  readonly #log: Log
  readonly #batches = new Map<object, Map<number, Batch>>()
  #bytes = 0
  /** The value of `Log.changes` for which the batches were built. */
  #changes = 0
  // The batch that was returned last: most subscribers in a sweep ask for it again.
  #view: object | undefined
  #place = 0
  #batch: Batch | undefined

  constructor (log: Log) {
    this.#log = log
  }

  /**
   * Returns the batch of a view at a place; undefined if it is not cached. Drops all batches if the log has changed.
   *
   * @param place A key for the index at which the batch begins, and for whether it is a replay.
   */
  get (view: object, place: number): Batch | undefined {
    // An evicted or replaced entry must not be sent any more, and a batch that reached the old head does not reach the new one.
    if (this.#changes !== this.#log.changes) {
      this.clear()
      this.#changes = this.#log.changes
    }
    if (view === this.#view && place === this.#place) return this.#batch
    const batch = this.#batches.get(view)?.get(place)
    if (batch !== undefined) this.#remember(view, place, batch)
    return batch
  }

  /** Adds a batch. Must follow a `get` synchronously, because only `get` drops the batches of an earlier state of the log. */
  set (view: object, place: number, batch: Batch): void {
    this.#bytes += batch.chunk.length
    if (this.#bytes > MAX_BYTES) {
      this.clear()
      this.#bytes = batch.chunk.length
    }
    const batches = this.#batches.get(view)
    if (batches === undefined) this.#batches.set(view, new Map([[place, batch]]))
    else batches.set(place, batch)
    this.#remember(view, place, batch)
  }

  /** Drops all batches. */
  clear (): void {
    this.#batches.clear()
    this.#bytes = 0
    this.#view = this.#batch = undefined
  }

  #remember (view: object, place: number, batch: Batch): void {
    this.#view = view
    this.#place = place
    this.#batch = batch
  }
}
