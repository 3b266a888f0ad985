import { performance } from 'node:perf_hooks'

/** Monotonic milliseconds: what the clock on the wall is set to changes nothing. */
export function now (): number {
  return performance.now()
}

/**
 * One coarse timer for everything that happens to subscribers after a while, however many there are. Keeps no process alive.
 */
export class Clock {
  #timer: NodeJS.Timeout | undefined

  /**
   * @param interval Milliseconds.
   * @param tick Called with the time, every so often.
   */
  start (interval: number, tick: (now: number) => void): void {
    this.#timer = setInterval(() => tick(now()), interval).unref()
  }

  stop (): void {
    clearInterval(this.#timer)
  }
}
