import { formatPosition, parsePosition, type Position } from '../broker/position.ts'
import type { View } from './view.ts'
import type { Log } from '../log/log.ts'
import { mayHaveLostAfter } from '../log/losses.ts'
import type { GapReason } from '../wire/reasons.ts'

// Decides where in the log a stream starts.

/** The entries that follow a gap: all kept entries (`replay`), or only new entries (`live`). */
export type AfterGap = 'replay' | 'live'

/** The requested start of a stream. */
export type StartingPoint =
  /** The oldest kept entry. */
  | { readonly from: 'oldest' }
  /** The head of the log when the stream opens, if the log has no ids. */
  | { readonly from: 'head' }
  /** The entry after an event ID of this plugin. If `isNamed`, `id` may also be an id that the application gave to an event. */
  | { readonly from: 'id', readonly id: string, readonly isNamed: boolean }

/** Returns the starting point for a reader that sends a last event ID. */
export function resumption (lastEventId: string): StartingPoint {
  // An event ID that was received from a stream contains a position. A guessed id must not reveal whether an event with this id exists.
  return { from: 'id', id: lastEventId, isNamed: false }
}

/**
 * Returns the starting point that the application asks for.
 *
 * @param from `'head'`, `'oldest'`, an event ID, or an id that the application gave to an event; undefined: `'head'`.
 */
export function startingPoint (log: Log, from: string | undefined): StartingPoint {
  if (from === 'oldest') return { from }
  if (from !== undefined && from !== 'head') return { from: 'id', id: from, isNamed: true }
  // The head of now, not of the time when the stream opens, so that entries placed while hooks run are not missed.
  return log.lastEventId === null ? { from: 'head' } : { from: 'id', id: log.lastEventId, isNamed: false }
}

/** The start of a stream in the log. */
export interface Placement {
  /** The index of the first entry to serve. */
  readonly cursor: number
  /** The reason of the gap before this entry, for `sse.gap`; absent if there is no gap. */
  readonly gap?: GapReason
  /** The event ID at which the gap begins; absent if it is unknown. */
  readonly lastEventId?: string
}

/**
 * Places a stream in the log. Never throws: a last event ID that this log cannot interpret causes a gap, not an error.
 *
 * @param view The view of the subscriber, because only events that it could hear cause a gap.
 */
export function place (log: Log, view: View, start: StartingPoint, afterGap: AfterGap): Placement {
  if (start.from === 'head') return { cursor: log.head }
  if (start.from === 'oldest') return { cursor: log.oldest() }
  return resume(log, view, start, afterGap)
}

function resume (log: Log, view: View, { id, isNamed }: StartingPoint & { from: 'id' }, afterGap: AfterGap): Placement {
  // Nothing is kept, or the reader hears no channel, so it has missed no kept event.
  if (!log.keeps || view.channels.length === 0) return { cursor: log.head }
  const position = parsePosition(id)
  const gap = (reason: GapReason): Placement => ({
    cursor: reason === 'future' || afterGap === 'live' ? log.head : log.oldest(),
    gap: reason,
    // Only the position is reported, because a reader may send any text of any length before it.
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
  // Losses of other channels are no gap for this reader.
  if (mayHaveLostAfter(view.parts, offset)) return gap('evicted')
  return fromIndex(log, view, log.after(offset), gap)
}

function fromIndex (log: Log, view: View, index: number, gap: (reason: GapReason) => Placement): Placement {
  // Entries that have exceeded `maxAge` or `maxEvents` since the last trim are still present, but must not be replayed.
  const cursor = Math.max(index, log.oldest())
  return view.hasKept(index, cursor) ? gap('evicted') : { cursor }
}
