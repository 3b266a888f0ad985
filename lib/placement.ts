import type { GapReason } from './gap-reason.ts'
import type { Log } from './log.ts'
import { parsePosition, type Position } from './position.ts'
import type { View } from './view.ts'

/** Where a stream is to start, as it was asked for. */
export interface StartingPoint {
  /** After this event ID; `'oldest'`: with everything kept; null: where the log ends when it opens, since there are no ids. */
  readonly after: string | null
  /** The same where it comes from the reader, or from the application. */
  readonly lastEventId: string | undefined
}

/**
 * @param from What the application says.
 * @param lastEventId What the reader brings.
 */
export function startingPoint (log: Log, from: string | undefined, lastEventId: string | undefined): StartingPoint {
  // The words are the application's: a reader brings event IDs only.
  if (from === 'oldest') return { after: 'oldest', lastEventId: undefined }
  // Now, not when it opens: what is placed while hooks run is not missed.
  if (from === 'head' || (from ?? lastEventId) === undefined) return { after: log.lastEventId, lastEventId: undefined }
  const id = from ?? lastEventId!
  return { after: id, lastEventId: id }
}

/** Where a reader starts, and what it has to be told first. */
export interface Placement {
  readonly cursor: number
  /** Set where entries it could hear are no longer there. */
  readonly gap?: GapReason
}

export function place (log: Log, view: View, { after, lastEventId }: StartingPoint): Placement {
  if (after === null) return { cursor: log.head }
  if (lastEventId === undefined && after === 'oldest') return { cursor: log.oldest() }
  return resume(log, view, after)
}

/**
 * Where a reader starts that has come as far as an event ID. Never refuses: an id that says nothing to this log is a gap, not an
 * error.
 */
export function resume (log: Log, view: View, lastEventId: string): Placement {
  // Nothing that it could hear was ever here.
  if (!log.keeps || view.channels.length === 0) return { cursor: log.head }
  const position = parsePosition(lastEventId)
  if (position?.epoch === log.newest.epoch) return resumeAfter(log, view, position)
  // An id of the application's own; the newest of that name.
  const entry = log.find(lastEventId)
  if (entry !== undefined) return fromIndex(log, view, entry.index + 1)
  return { cursor: log.oldest(), gap: position === undefined ? 'unknown' : 'foreign' }
}

function resumeAfter (log: Log, view: View, { offset }: Position): Placement {
  if (offset > log.newest.offset) return { cursor: log.head, gap: 'future' }
  // What other channels lost is nothing to this one.
  if (view.lostAfter(offset)) return { cursor: log.oldest(), gap: 'evicted' }
  return fromIndex(log, view, log.after(offset))
}

function fromIndex (log: Log, view: View, index: number): Placement {
  // Later, where `maxAge` forbids what is there.
  const cursor = Math.max(index, log.oldest())
  return view.hasKept(index, cursor) ? { cursor, gap: 'evicted' } : { cursor }
}
