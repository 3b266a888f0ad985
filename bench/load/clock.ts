const TRIES = 100

// Of the monotonic clock that all processes of a machine share (`process.hrtime`), so that times of several processes compare.
const ORIGIN = origin()

/** Milliseconds. Allocates nothing, unlike `process.hrtime`. */
export function now (): number {
  return ORIGIN + performance.now()
}

/** What passes between the two looks makes it too small: the largest of several is the best. */
function origin (): number {
  let origin = -Infinity
  for (let i = 0; i < TRIES; i++) origin = Math.max(origin, Number(process.hrtime.bigint()) / 1e6 - performance.now())
  return origin
}
