/**
 * Why an event stream ended. Every subscriber ends with exactly one of these.
 *
 * - `reader`: the reader left, or the network lost it
 * - `ended`: the application closed it
 * - `shutdown`: the application is closing
 * - `error`: a fault on this side
 */
export const CLOSE_REASONS = ['reader', 'ended', 'shutdown', 'error'] as const

export type CloseReason = typeof CLOSE_REASONS[number]
