// The clock of the readers.

const TRIES = 100

// Relative to the monotonic clock that all processes of a machine share (`process.hrtime`), so that times of several processes compare.
const ORIGIN = origin()

/** Returns the time in milliseconds. Allocates nothing, unlike `process.hrtime`. */
export function now (): number {
  return ORIGIN + performance.now()
}

/** Compares both clocks. The time between the two calls makes the difference too small, so the largest of several is the best. */
function origin (): number {
  let origin = -Infinity
  for (let i = 0; i < TRIES; i++) origin = Math.max(origin, Number(process.hrtime.bigint()) / 1e6 - performance.now())
  return origin
}
