import type { Entry } from './entry.ts'

// The one place that knows what readers can no longer get. A reader asks in one of two coordinates: by index while its stream is open,
// by offset when it comes back with an event ID.

/** The newest entries that were evicted from the log, or from one channel of it. Replaced entries are not losses. */
export class Losses {
  /** Index of the newest evicted kept entry; -1: none. */
  kept = -1
  /** Index of the newest evicted ephemeral entry; -1: none. */
  ephemeral = -1
  /** Offset of the newest evicted kept entry, or a higher one: an offset that is too low would hide a gap. */
  offset: number

  /** @param offset Entries up to this offset may be gone already. */
  constructor (offset: number) {
    this.offset = offset
  }

  /** Index of the newest evicted entry of either kind; -1: none. */
  get newest (): number { return Math.max(this.kept, this.ephemeral) }

  /** @param entry Newer than every entry of its kind that was recorded before. */
  record ({ index, position }: Entry): void {
    if (position === null) {
      this.ephemeral = index
    } else {
      this.kept = index
      this.offset = position.offset
    }
  }
}

/** Indexes from which on, or up to which, a reader gets entries of each kind. */
export interface Bounds {
  readonly kept: number
  readonly ephemeral: number
}

/** A channel that a reader hears. */
interface Channel {
  readonly losses: Losses
}

/**
 * Tells whether an open stream has lost entries that it was to get.
 *
 * @param kept It was to get kept entries from this index on.
 * @param ephemeral It was to get ephemeral entries from this index on.
 * @param end Entries from these indexes on are not for it; undefined: the stream does not end.
 */
export function haveLost (channels: readonly Channel[], kept: number, ephemeral: number, end: Bounds | undefined): boolean {
  if (end !== undefined) {
    if (kept >= end.kept) kept = Infinity
    if (ephemeral >= end.ephemeral) ephemeral = Infinity
  }
  for (const { losses } of channels) if (losses.kept >= kept || losses.ephemeral >= ephemeral) return true
  return false
}

/** Tells whether a reader that has come as far as an offset may have lost kept entries. False alarms are possible, silence is not. */
export function mayHaveLostAfter (channels: readonly Channel[], offset: number): boolean {
  return channels.some(({ losses }) => losses.offset > offset)
}
