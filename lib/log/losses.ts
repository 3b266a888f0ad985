import type { Entry } from './entry.ts'
import type { GapReason } from '../wire/reasons.ts'

// Records evicted entries, and decides whether a reader has lost any of them. The question has two coordinates: the index for an open
// stream, the offset for a reader that resumes from an event ID.

/** The newest entries that were evicted from the log or from one of its channels. Replaced entries are not losses. */
export class Losses {
  /** The index of the newest evicted kept entry; -1: none. */
  kept = -1
  /** The index of the newest evicted ephemeral entry; -1: none. */
  ephemeral = -1
  /** The offset of the newest evicted kept entry, or a higher one. An offset that is too low would hide a gap. */
  offset: number

  /** @param offset The initial offset: entries up to it may have been evicted before. */
  constructor (offset: number) {
    this.offset = offset
  }

  /** The index of the newest evicted entry of either kind; -1: none. */
  get newest (): number { return Math.max(this.kept, this.ephemeral) }

  /** Records an eviction. @param entry An entry that is newer than all evicted entries of its kind. */
  record ({ index, position }: Entry): void {
    if (position === null) {
      this.ephemeral = Math.max(this.ephemeral, index)
    } else if (index > this.kept) {
      // Entries from before an unknown loss are evicted after it.
      this.kept = index
      this.offset = position.offset
    }
  }

  /**
   * Records the loss of unknown entries of both kinds.
   *
   * @param index The index that stands for them.
   * @param offset The offset of the newest kept entry that may be lost.
   */
  lose (index: number, offset: number): void {
    this.kept = index
    this.ephemeral = index
    this.offset = offset
  }
}

/** The places at which the order of this log does not go on without a break. */
export class Breaks {
  /** The index of the newest loss on the way to this log; -1: none. */
  holeAt = -1
  /** The index before the first one of the present history; -1: no history was lost. */
  resetAt = -1

  /** Tells why an open stream has lost entries. @param since The index from which it has still to deliver entries. */
  reasonSince (since: number): GapReason {
    if (this.resetAt >= since) return 'foreign'
    return this.holeAt >= since ? 'evicted' : 'slow'
  }
}

/** One index for each kind of entry. */
export interface Bounds {
  readonly kept: number
  readonly ephemeral: number
}

/** A channel that the reader hears. */
interface Channel {
  readonly losses: Losses
}

/**
 * Decides whether entries that an open stream has still to deliver were evicted.
 *
 * @param kept The index from which the stream has to deliver kept entries.
 * @param ephemeral The index from which the stream has to deliver ephemeral entries.
 * @param end The indexes up to which the stream delivers entries; undefined: the stream does not end.
 */
export function haveLost (channels: readonly Channel[], kept: number, ephemeral: number, end: Bounds | undefined): boolean {
  if (end !== undefined) {
    if (kept >= end.kept) kept = Infinity
    if (ephemeral >= end.ephemeral) ephemeral = Infinity
  }
  for (const { losses } of channels) if (losses.kept >= kept || losses.ephemeral >= ephemeral) return true
  return false
}

/**
 * Decides whether kept entries after an offset may have been evicted.
 *
 * @returns True: kept entries may have been lost, but this can be a false alarm. False: no kept entry was lost.
 */
export function mayHaveLostAfter (channels: readonly Channel[], offset: number): boolean {
  return channels.some(({ losses }) => losses.offset > offset)
}
