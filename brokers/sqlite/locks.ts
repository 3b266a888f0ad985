import { randomInt } from 'node:crypto'
import { setTimeout } from '../../lib/time/timers.ts'
import { isLocked } from './result-codes.ts'

// A lock that another process holds must not block the event loop, so SQLite never waits for one (`busy_timeout`). It is asked again later.

/** Waits 1 to 5 ms: at random, because processes that try at fixed times may always meet. */
export function untilNextTry (): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, randomInt(1, 6)))
}

/**
 * Calls a function again and again until no other process holds the lock that it needs. The first call is synchronous.
 *
 * @param mayTryAgain Called after each failure. @throws any error, to give up.
 */
export async function whileLocked<T> (work: () => T, mayTryAgain: (error: unknown) => void): Promise<T> {
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isLocked(error)) throw error
      mayTryAgain(error)
    }
    await untilNextTry()
  }
}
