import { formatPosition, parsePosition, type Position } from '../broker/position.ts'
import type { View } from './view.ts'
import type { Log } from '../log/log.ts'
import { mayHaveLostAfter } from '../log/losses.ts'
import type { GapReason } from '../wire/reasons.ts'

/** What follows a gap: everything kept, or only what comes. */
export type AfterGap = 'replay' | 'live'

/** Where a stream is to start, as it was asked for. */
export type StartingPoint =
  /** With everything kept. */
  | { readonly from: 'oldest' }
  /** Where the log ends when the stream opens: there are no ids. */
  | { readonly from: 'head' }
  /** After an event ID of the plugin's own, `isNamed`, or after the event that the application gave this ID. */
  | { readonly from: 'id', readonly id: string, readonly isNamed: boolean }

/** Where a stream starts whose reader brings a last event ID. */
export function resumption (lastEventId: string): StartingPoint {
  // The reader has it from a stream, so it holds a position. Anything else must not tell whether there is an event of that name.
  return { from: 'id', id: lastEventId, isNamed: false }
}

/** Where a stream starts by what the application says; undefined: with what comes. */
export function startingPoint (log: Log, from: string | undefined): StartingPoint {
  if (from === 'oldest') return { from }
  if (from !== undefined && from !== 'head') return { from: 'id', id: from, isNamed: true }
  // Now, not when it opens: what is placed while hooks run is not missed.
  return log.lastEventId === null ? { from: 'head' } : { from: 'id', id: log.lastEventId, isNamed: false }
}

/** Where a reader starts, and what it has to be told first. */
export interface Placement {
  readonly cursor: number
  /** Set where entries it could hear are no longer there. */
  readonly gap?: GapReason
  /** The event ID of the place that the gap begins at, where it is known. */
  readonly lastEventId?: string
}

export function place (log: Log, view: View, start: StartingPoint, afterGap: AfterGap): Placement {
  if (start.from === 'head') return { cursor: log.head }
  if (start.from === 'oldest') return { cursor: log.oldest() }
  return resume(log, view, start, afterGap)
}

/**
 * Where a reader starts that has come as far as an event ID. Never refuses: an id that says nothing to this log is a gap, not an
 * error.
 */
function resume (log: Log, view: View, { id, isNamed }: StartingPoint & { from: 'id' }, afterGap: AfterGap): Placement {
  // Nothing that it could hear was ever here.
  if (!log.keeps || view.channels.length === 0) return { cursor: log.head }
  const position = parsePosition(id)
  const gap = (reason: GapReason): Placement => ({
    cursor: reason === 'future' || afterGap === 'live' ? log.head : log.oldest(),
    gap: reason,
    // The position alone: what a reader puts in front of it may be anything, of any length.
    ...position !== undefined && { lastEventId: formatPosition(position) }
  })
  if (position === undefined) {
    const entry = isNamed ? log.find(id) : undefined
    return entry === undefined ? gap('unknown') : fromIndex(log, view, entry.index + 1, gap)
  }
  if (position.epoch !== log.newest.epoch) return gap('foreign')
  if (position.offset > log.newest.offset) return gap('future')
  return resumeAfter(log, view, position, gap)
}

function resumeAfter (log: Log, view: View, { offset }: Position, gap: (reason: GapReason) => Placement): Placement {
  // What other channels lost is nothing to this one.
  if (mayHaveLostAfter(view.parts, offset)) return gap('evicted')
  return fromIndex(log, view, log.after(offset), gap)
}

function fromIndex (log: Log, view: View, index: number, gap: (reason: GapReason) => Placement): Placement {
  // Later, where `maxAge` forbids what is there.
  const cursor = Math.max(index, log.oldest())
  return view.hasKept(index, cursor) ? gap('evicted') : { cursor }
}
