import type { Log } from '../log/log.ts'
import type { Chunk } from '../wire/chunk.ts'

/** Entries in order as one chunk: what one subscriber gets in one write. */
export interface Batch {
  readonly chunk: Chunk
  /** The cursor of whoever has been given it. */
  readonly next: number
  /** The offset of the event ID just before that. */
  readonly offset: number
  readonly events: number
  /** Of these, as they are without any coding. */
  readonly bytes: number
}

// 64 KiB: large enough that a write costs little per event, small enough that one reader's replay leaves the loop to others.
export const MAX_BATCH_BYTES = 64 * 1024

// Readers that replay from many places, or many small views, would otherwise fill the memory with batches that hardly anybody shares.
const MAX_BYTES = 8 * 1024 * 1024

/**
 * The batches that subscribers of one view at one cursor share, until the log changes.
 */
export class BatchCache {
  readonly #log: Log
  readonly #batches = new Map<object, Map<number, Batch>>()
  #bytes = 0
  /** The state of the log that they were built from. */
  #changes = 0
  // The one asked for last: a sweep asks for the same again and again.
  #view: object | undefined
  #place = 0
  #batch: Batch | undefined

  constructor (log: Log) {
    this.#log = log
  }

  /** @param place Where the batch begins, and which kind of batch it is. */
  get (view: object, place: number): Batch | undefined {
    // Evicted or replaced entries must not reach anybody who has not got them, and a batch that reached the head is too short now.
    if (this.#changes !== this.#log.changes) {
      this.clear()
      this.#changes = this.#log.changes
    }
    if (view === this.#view && place === this.#place) return this.#batch
    const batch = this.#batches.get(view)?.get(place)
    if (batch !== undefined) this.#remember(view, place, batch)
    return batch
  }

  /** After `get`, within one call. */
  set (view: object, place: number, batch: Batch): void {
    this.#bytes += batch.chunk.plain.length
    if (this.#bytes > MAX_BYTES) {
      this.clear()
      this.#bytes = batch.chunk.plain.length
    }
    const batches = this.#batches.get(view)
    if (batches === undefined) this.#batches.set(view, new Map([[place, batch]]))
    else batches.set(place, batch)
    this.#remember(view, place, batch)
  }

  /** Lets go of all of them. */
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
