import { performance } from 'node:perf_hooks'
import timers from 'node:timers'

// The timers of the plugin, which fake timers of tests do not affect. They are read once, when this module loads, because a test that fakes
// timers later would stop every stream of its application. They come from two Node modules and not from the global object, because vitest, jest
// and sinon replace the functions of the global object, possibly before this module loads.
export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers

/** Returns a promise that resolves after so many milliseconds. */
export const pause = timers.promises.setTimeout

/** Returns monotonic time in milliseconds, with a fraction. */
export const monotonicTime: () => number = performance.now.bind(performance)
