/**
 * Why an event stream ended. Every subscriber ends with exactly one of these.
 *
 * - `reader`: the reader left, or the network lost it
 * - `ended`: the application closed it, or what it streamed came to its end
 * - `stalled`: the network took nothing for longer than `stallTimeout`, and it was cut
 * - `slow`: it fell out of the log, and `slowSubscriber` is `'close'`
 * - `revoked`: the application disconnected it
 * - `shutdown`: the application is closing
 * - `error`: a fault on this side; the source of a stream threw
 */
export const CLOSE_REASONS = ['reader', 'ended', 'stalled', 'slow', 'revoked', 'shutdown', 'error'] as const

export type CloseReason = typeof CLOSE_REASONS[number]
