import type { OrderBounds } from '../../lib/broker/broker.ts'
import type { Position } from '../../lib/broker/position.ts'
import type { TokenRecord } from './engine.ts'

// Entries that the engine keeps in any case: a node may be this far behind for a moment.
const LEAST_KEPT = 1000

const SMALLEST_STEP = 64 * 1024

/** Decides what the engine may forget of an order. It keeps twice as much as this process, for nodes that are behind. */
export class Retention {
  readonly #bounds: OrderBounds
  /** The total size of the records up to certain offsets, oldest first. */
  #marks: Array<{ readonly offset: number, readonly bytes: number }> = []
  #bytes = 0

  constructor (bounds: OrderBounds) {
    this.#bounds = bounds
  }

  /** Takes note that an epoch has begun. */
  begin (): void {
    this.#marks = []
    this.#bytes = 0
  }

  /** Takes note of a kept record. */
  placed (offset: number, bytes: number): void {
    const { maxBytes } = this.#bounds
    this.#bytes += bytes
    if (this.#bytes - (this.#marks.at(-1)?.bytes ?? 0) < Math.max(SMALLEST_STEP, maxBytes / 8)) return
    this.#marks.push({ offset, bytes: this.#bytes })
    const last = this.#marks.findLastIndex((mark) => mark.bytes <= this.#bytes - 2 * maxBytes)
    if (last > 0) this.#marks.splice(0, last)
  }

  /**
   * Finds the offset before which the engine may forget entries.
   *
   * @param oldestKept The position of the oldest entry that this process keeps. It may be old: entries that later ones replaced do not count.
   * @param head The position of the newest entry.
   * @param records The records that are being stored.
   */
  forgetBefore (oldestKept: Position, head: Position, records: readonly TokenRecord[]): number {
    if (oldestKept.epoch !== head.epoch) return 0
    const { maxEvents, maxBytes } = this.#bounds
    const [oldest, newest] = [oldestKept.offset, head.offset]
    const largest = Math.max(1, ...records.map(({ record }) => record.body.length))
    const least = Math.min(LEAST_KEPT, Math.floor(maxBytes / largest))
    const first = this.#marks[0]
    return Math.max(
      0,
      oldest - Math.max(least, newest - oldest),
      newest - 2 * Math.max(maxEvents, LEAST_KEPT),
      first !== undefined && first.bytes <= this.#bytes - 2 * maxBytes ? Math.min(first.offset, newest - least) : 0
    )
  }
}
