import type { Buffer } from 'node:buffer'
import type { Coding } from './entry-coding.ts'
import type { Entry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { type Chunk, createChunk } from '../wire/chunk.ts'
import { NOTHING, type Checksum, checksumAfter } from '../wire/gzip-checksum.ts'
import { deflatedBlocks, storedBlocks } from '../wire/gzip.ts'

// Readers that keep up are at one of the last few cursors. Whoever is elsewhere begins a sum of its own.
const CURSORS_KEPT = 8

/**
 * The entries of one view as a gzip stream: each is compressed once, on its own, for all readers of all views.
 *
 * Checksums run along from cursor to cursor: whoever is given one batch after another has nothing to add up.
 */
export class GzipCoding implements Coding {
  readonly name = 'gzip'
  readonly #log: Log
  /** What was joined up to a cursor, for the last few in the order in which they came. */
  readonly #sums = new Map<number, Checksum>()

  constructor (log: Log) {
    this.#log = log
  }

  join (entries: readonly Entry[], from: number, to: number): Chunk {
    const before = this.#sums.get(from) ?? NOTHING
    let after = before
    const parts: Buffer[] = []
    for (const entry of entries) {
      after = checksumAfter(after, entry.bytes)
      parts.push(...this.#blocksOf(entry))
    }
    return createChunk(parts, { before, after: this.#keep(to, after) })
  }

  #blocksOf (entry: Entry): Buffer[] {
    if (entry.deflated === undefined) this.#log.holdDeflated(entry, deflatedBlocks(entry.bytes))
    const { bytes, deflated } = entry
    return deflated == null ? storedBlocks(bytes) : [deflated]
  }

  /** @returns The one that is kept there, where it says the same. */
  #keep (cursor: number, sum: Checksum): Checksum {
    const kept = this.#sums.get(cursor)
    if (kept !== undefined && kept.crc === sum.crc && kept.length === sum.length) return kept
    this.#sums.set(cursor, sum)
    const [oldest] = this.#sums.keys()
    if (this.#sums.size > CURSORS_KEPT) this.#sums.delete(oldest!)
    return sum
  }
}
