import type { Batch } from './batch-cache.ts'
import type { GapReason } from '../wire/reasons.ts'

/** The place of one subscriber in a sequence of entries: the index up to which it was served. */
export interface Cursor {
  /** The index of the next entry to serve. */
  readonly index: number
  /** The index that the next entry of the sequence will get. */
  readonly head: number
  /** True if there may be entries that the subscriber has not received. */
  readonly isBehind: boolean
  /** True if entries that the subscriber has not received are gone, and this loss has not been reported yet. */
  readonly isLost: boolean
  /** The reason of the loss, if `isLost`. */
  readonly lossReason: GapReason
  /** True if the sequence comes to an end, so that a stream that ends before it is not complete. */
  readonly hasEnd: boolean
  /** The event ID up to which the subscriber was served; null if entries have no ids. */
  readonly lastEventId: string | null
  /** The names of all channels that the subscriber hears. */
  readonly channels: readonly string[]
  /** The number of entries that the subscriber hears and has not received. */
  readonly lag: number
  /** An upper bound of `lag` that is cheap to compute. */
  readonly mostLag: number
  /** An object that cursors have in common whose lag depends on the index alone: the lowest index has the largest lag. Undefined: none. */
  readonly group: object | undefined

  /** Adds a channel. The subscriber hears its entries from the head on. @throws FST_SSE_RUN_READER when the entries have no channels. */
  join (channel: string): void
  /** Removes a channel. The subscriber gets no more entries of it, not even earlier entries that it has not received. */
  leave (channel: string): void
  /**
   * Advances to the next entries that the subscriber hears.
   *
   * @param limit The highest index to advance to; the head, if that comes first.
   * @returns The entries; undefined if there are none up to the limit, or if some are lost (`isLost`).
   */
  next (limit: number): Batch | undefined
  /** Ends the stream at the head. The loss of later entries is no loss to the subscriber. */
  end (): void
  /** Takes note that the socket of the subscriber was full until now, so that it is behind. */
  drained (): void
  /** Marks everything lost so far as reported. @param toHead True: the cursor continues at the head. False: with all entries that are left. */
  skip (toHead: boolean): void
  /** Encodes `sse.gap` for the place of the cursor. @param lastEventId The event ID at which the gap begins; absent if it is unknown. */
  gap (reason: GapReason, lastEventId?: string): string
  /** Releases what the cursor holds. It keeps its index, but must not advance any more. */
  release (): void
}
