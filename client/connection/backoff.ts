// Exponential backoff with full jitter: the waits before the next attempt after failures.

/**
 * The bounds of a random wait, in milliseconds. The upper bound is `base` after the first failure, doubles with every further failure, and
 * never exceeds `cap`.
 */
export interface Backoff {
  readonly base: number
  readonly cap: number
}

/** The time of success, in milliseconds, after which earlier failures no longer count. */
export const HEALTHY = 10_000

/**
 * Draws a wait from the whole range, so that the readers of a restarted server do not all return simultaneously.
 *
 * @param failures The number of consecutive failures before the latest one.
 * @returns The wait in milliseconds.
 */
export function drawWait ({ base, cap }: Backoff, failures: number): number {
  return Math.random() * Math.min(cap, base * 2 ** Math.min(failures, 50))
}

export function pause (milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
