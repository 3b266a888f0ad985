import type { GapReason } from './gap-reason.ts'
import type { Log } from './log.ts'
import { parsePosition, type Position } from './position.ts'
import type { View } from './view.ts'

/** Where a reader starts, and what it has to be told first. */
export interface Placement {
  readonly cursor: number
  /** Set where entries it could hear are no longer there. */
  readonly gap?: GapReason
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
