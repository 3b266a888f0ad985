import type { Chunk } from './chunk.ts'

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
