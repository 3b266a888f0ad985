import type { Log } from '../log/log.ts'
import type { Chunk } from '../wire/chunk.ts'

/** Entries in order as one chunk: what one subscriber gets in one write. */
export interface Run {
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
export const MAX_RUN_BYTES = 64 * 1024

// Readers that replay from many places, or many small views, would otherwise fill the memory with runs that hardly anybody shares.
const MAX_BYTES = 8 * 1024 * 1024

/**
 * The runs that subscribers of one view at one cursor share, until the log changes.
 */
export class SharedRuns {
  readonly #log: Log
  readonly #runs = new Map<object, Map<number, Run>>()
  #bytes = 0
  /** The state of the log that they were built from. */
  #changes = 0
  // The one asked for last: a sweep asks for the same again and again.
  #view: object | undefined
  #place = 0
  #run: Run | undefined

  constructor (log: Log) {
    this.#log = log
  }

  /** @param place Where the run begins, and which kind of run it is. */
  get (view: object, place: number): Run | undefined {
    // Evicted or replaced entries must not reach anybody who has not got them, and a run that reached the head is too short now.
    if (this.#changes !== this.#log.changes) {
      this.clear()
      this.#changes = this.#log.changes
    }
    if (view === this.#view && place === this.#place) return this.#run
    const run = this.#runs.get(view)?.get(place)
    if (run !== undefined) this.#remember(view, place, run)
    return run
  }

  /** After `get`, within one call. */
  set (view: object, place: number, run: Run): void {
    this.#bytes += run.chunk.plain.length
    if (this.#bytes > MAX_BYTES) {
      this.clear()
      this.#bytes = run.chunk.plain.length
    }
    const runs = this.#runs.get(view)
    if (runs === undefined) this.#runs.set(view, new Map([[place, run]]))
    else runs.set(place, run)
    this.#remember(view, place, run)
  }

  /** Lets go of all of them. */
  clear (): void {
    this.#runs.clear()
    this.#bytes = 0
    this.#view = this.#run = undefined
  }

  #remember (view: object, place: number, run: Run): void {
    this.#view = view
    this.#place = place
    this.#run = run
  }
}
