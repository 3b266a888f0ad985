// The close reasons of event streams, and the reasons of gaps.

/**
 * The close reasons: why an event stream ended. Every subscriber ends with exactly one.
 *
 * - `reader`: the reader left, or its connection was lost
 * - `ended`: the application closed the stream, or the source of `subscriber.stream` ended
 * - `stalled`: the socket accepted no bytes for `stallTimeout`, and the connection was cut
 * - `slow`: the subscriber fell behind the oldest event of the history, and `slowSubscriber` is `'close'`
 * - `idle`: the stream had no event for `idleTimeout`
 * - `lifetime`: the stream was open for about `maxLifetime`
 * - `expired`: the time given as `expiresAt` has passed
 * - `revoked`: the application ended the stream with `disconnect`
 * - `overload`: a limit on subscribers was reached (`maxSubscribers`, `maxSubscribersPerKey`); the stream never opened
 * - `refused`: the reader had been told to stay away; the stream never opened
 * - `shutdown`: the application is closing
 * - `error`: the source of `subscriber.stream` threw
 *
 * @see docs/errors.md
 */
export const CLOSE_REASONS = ['reader', 'ended', 'stalled', 'slow', 'idle', 'lifetime', 'expired',
  'revoked', 'overload', 'refused', 'shutdown', 'error'] as const

/**
 * The reason why an event stream ended.
 *
 * @see docs/errors.md
 */
export type CloseReason = typeof CLOSE_REASONS[number]

/**
 * The gap reasons: why events that a reader could have heard are no longer available.
 *
 * - `evicted`: the history no longer reaches back to the last event ID
 * - `foreign`: the last event ID belongs to another history: from before a restart, or of another process
 * - `unknown`: the last event ID is not an event ID of this plugin
 * - `future`: the last event ID is ahead of this history
 * - `slow`: the reader is so slow that the history lost events before the reader got them
 *
 * @see docs/wire-format.md
 */
export const GAP_REASONS = ['evicted', 'foreign', 'unknown', 'future', 'slow'] as const

/**
 * The reason why events are missing.
 *
 * @see docs/wire-format.md
 */
export type GapReason = typeof GAP_REASONS[number]
