/**
 * Why an event stream ended. Every subscriber ends with exactly one of these.
 *
 * - `reader`: the reader left, or the network lost it
 * - `ended`: the application closed it, or what it streamed came to its end
 * - `stalled`: the network took nothing for longer than `stallTimeout`, and it was cut
 * - `slow`: it fell out of the log, and `slowSubscriber` is `'close'`
 * - `idle`: it had no event for as long as `idleTimeout`
 * - `lifetime`: it was open for about as long as `maxLifetime`
 * - `expired`: what its reader was let in with has expired (`expiresAt`)
 * - `revoked`: the application disconnected it
 * - `overload`: there was no place for it (`maxSubscribers`, `maxSubscribersPerKey`); it was never open
 * - `refused`: its reader had been told to stay away; it was never open
 * - `shutdown`: the application is closing
 * - `error`: a fault on this side; the source of a stream threw
 */
export const CLOSE_REASONS = ['reader', 'ended', 'stalled', 'slow', 'idle', 'lifetime', 'expired', 'revoked', 'overload', 'refused', 'shutdown', 'error'] as const

export type CloseReason = typeof CLOSE_REASONS[number]/**
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
