/** Bounds of a wait, in milliseconds: it is at most `base` after the first failure, twice that after each further one, never above `cap`. */
export interface Backoff {
  readonly base: number
  readonly cap: number
}

/** Milliseconds after which a success ends a row of failures. */
export const HEALTHY = 10_000

/** Draws from the whole range, so that the readers of a server that was down do not all come back in one moment. */
export function drawWait ({ base, cap }: Backoff, failures: number): number {
  return Math.random() * Math.min(cap, base * 2 ** Math.min(failures, 50))
}

export function pause (milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
