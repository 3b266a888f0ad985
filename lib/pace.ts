import type { Pace } from './clock.ts'
import type { Timeouts } from './watch.ts'

const MIN_INTERVAL = 10
const MAX_INTERVAL = 1000
const TICKS_IN_TIMEOUT = 16

/** How often the clock has to look at what has become of the subscribers. */
export function paceFor (timeouts: Timeouts): Pace {
  // A part of the shortest time-out, so that none is late by much; a second at most, since each stream may expire at a moment of its own.
  const interval = Math.max(MIN_INTERVAL, Math.min(...Object.values(timeouts).map((timeout) => timeout / TICKS_IN_TIMEOUT), MAX_INTERVAL))
  // Under load a turn of the loop may take longer than two ticks, and is no halt. A halt must not count for a whole time-out.
  const { stallTimeout, idleTimeout } = timeouts
  return { interval, longestStep: Math.max(2 * interval, Math.min(stallTimeout / 4, idleTimeout / 4, MAX_INTERVAL)) }
}
