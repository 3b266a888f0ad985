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
   * @param tick Called every so often, with the milliseconds that have passed for everybody.
   */
  start (interval: number, tick: (time: number) => void): void {
    let time = 0
    let last = now()
    this.#timer = setInterval(() => {
      const present = now()
      // While this process did nothing, nobody else could: sockets that had room the whole time would seem to have stalled.
      time += Math.min(present - last, 2 * interval)
      last = present
      tick(time)
    }, interval).unref()
  }

  stop (): void {
    clearInterval(this.#timer)
  }
}
