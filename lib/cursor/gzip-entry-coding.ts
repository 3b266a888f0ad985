import type { Buffer } from 'node:buffer'
import type { Coding } from './entry-coding.ts'
import type { Entry } from '../log/entry.ts'
import type { Log } from '../log/log.ts'
import { type Chunk, createChunk } from '../wire/http-chunk.ts'
import { NOTHING, type Checksum, checksumAfter } from '../wire/gzip-checksum.ts'
import { deflatedBlocks, storedBlocks } from '../wire/gzip.ts'

// Subscribers that keep up are at one of the latest few cursors. A batch from any other cursor starts with an empty checksum.
const CURSORS_KEPT = 8

/**
 * The gzip coding of one view. Each entry is compressed once and by itself, for all readers of all views.
 *
 * The checksum of a batch continues the checksum of the batch before it, so consecutive batches for one reader need no arithmetic.
 */
export class GzipCoding implements Coding {
  readonly name = 'gzip'
  readonly #log: Log
  /** The checksums up to the latest few cursors, by cursor, in the order in which they were added. */
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

  /**
   * Stores the checksum up to a cursor.
   *
   * @returns The stored object if it has equal values, because chunks that continue each other share one object; otherwise `sum`.
   */
  #keep (cursor: number, sum: Checksum): Checksum {
    const kept = this.#sums.get(cursor)
    if (kept !== undefined && kept.crc === sum.crc && kept.length === sum.length) return kept
    this.#sums.set(cursor, sum)
    const [oldest] = this.#sums.keys()
    if (this.#sums.size > CURSORS_KEPT) this.#sums.delete(oldest!)
    return sum
  }
}
