import { longestTimer } from './clock.ts'
import { clearTimeout, setTimeout } from './timers.ts'

/**
 * Waits for a promise, but no longer than a time.
 *
 * @param milliseconds The longest time; Infinity: about 25 days.
 * @param late Creates the error for a promise that is late. A later rejection of it is ignored.
 */
export async function within<T> (milliseconds: number, promise: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), longestTimer(milliseconds))
  })
  try {
    return await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
  }
}
