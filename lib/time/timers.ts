import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

// Taken once, when this module loads: a test that fakes the timers afterwards would stop every stream of its application. From these two
// modules, not from the global object: of that, vitest, jest and sinon replace the functions, and may have done so before this loads.
export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers

/** Monotonic milliseconds. */
export const monotonicTime: () => number = performance.now.bind(performance)
