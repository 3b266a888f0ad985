/**
 * Why events that a reader could hear are no longer there for it.
 *
 * - `evicted`: the history no longer reaches back to its last event ID
 * - `foreign`: its last event ID is of another history
 * - `unknown`: its last event ID says nothing to this history
 * - `future`: its last event ID is ahead of this history
 * - `slow`: it took events more slowly than the history lost them
 */
export const GAP_REASONS = ['evicted', 'foreign', 'unknown', 'future', 'slow'] as const

export type GapReason = typeof GAP_REASONS[number]
