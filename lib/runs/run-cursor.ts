import type { Batch } from '../cursor/batch-cache.ts'
import type { Cursor } from '../cursor/cursor.ts'
import { RunReader } from '../errors.ts'
import { encodeGap } from '../wire/plugin-events.ts'
import type { GapReason } from '../wire/reasons.ts'
import type { RunLog } from './run-log.ts'

/** The readers of a run, of which a cursor is one. */
interface Readers {
  readonly size: number
  /** Called when a reader has left. */
  left (cursor: RunCursor): void
}

/** The place of one reader in a run: the number of the next item that it gets. */
export class RunCursor implements Cursor {
  #index: number
  readonly #log: RunLog
  readonly #readers: Readers
  /** Items before this one may be merged: they were there before the reader could get them. */
  #mergesBefore: number
  #end = Infinity
  readonly channels: readonly string[] = []
  readonly group = undefined
  readonly hasEnd = true

  constructor (log: RunLog, readers: Readers, index: number) {
    this.#log = log
    this.#readers = readers
    this.#index = index
    this.#mergesBefore = log.head
  }

  get index (): number { return this.#index }

  get head (): number { return this.#log.head }

  get isBehind (): boolean { return this.#index < this.#log.head }

  get isLost (): boolean { return this.#index < this.#log.first && this.#index < this.#end }

  get lossReason (): GapReason { return this.#log.lossReason(this.#index) }

  get lastEventId (): string { return this.#log.idOf(this.#index - 1) }

  get lag (): number { return Math.max(0, this.#log.head - this.#index) }

  get mostLag (): number { return this.lag }

  join (): void {
    throw new RunReader()
  }

  leave (): void {}

  next (limit: number): Batch | undefined {
    if (this.isLost) return undefined
    let end = Math.min(limit, this.#log.head)
    if (this.#index >= end) return undefined
    const merges = this.#index < this.#mergesBefore
    if (merges) end = Math.min(end, this.#mergesBefore)
    const batch = this.#log.batch(this.#index, end, merges, this.#readers.size > 1)
    this.#index = batch.next
    return batch
  }

  end (): void {
    this.#end = this.#log.head
  }

  drained (): void {
    this.#mergesBefore = this.#log.head
  }

  skip (toHead: boolean): void {
    this.#index = toHead ? this.#log.head : this.#log.first
  }

  gap (reason: GapReason, lastEventId?: string): string {
    const { first, head } = this.#log
    return encodeGap(this.lastEventId, { reason, lastEventId, oldestEventId: first < head && this.#index < head ? this.#log.idOf(this.#index) : undefined })
  }

  release (): void {
    this.#readers.left(this)
  }
}
