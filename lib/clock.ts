import { performance } from 'node:perf_hooks'

/** Whole monotonic milliseconds: what the clock on the wall is set to changes nothing. */
export function now (): number {
  // Whole: of others each is a piece of memory of its own, and every subscriber remembers some.
  return Math.trunc(performance.now())
}

/** What may be given to a timer of Node: it takes anything longer for 1. */
export function longestTimer (milliseconds: number): number {
  return Math.min(milliseconds, 2 ** 31 - 1)
}

/** How often it ticks. Milliseconds. */
export interface Pace {
  readonly interval: number
  /** What goes beyond, from one tick to the next, this process was not awake. */
  readonly longestStep: number
}

/** What a tick says, in milliseconds of two clocks. */
export interface Times {
  /** As `now` says. */
  readonly real: number
  /** The same without the time in which this process was blocked or stopped: nobody else could do anything either then. */
  readonly awake: number
}

/**
 * One coarse timer for everything that happens to subscribers after a while, however many there are. Keeps no process alive.
 */
export class Clock {
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined

  /** @param source Monotonic milliseconds. */
  constructor (source: () => number = now) {
    this.#now = source
  }

  get now (): number { return this.#now() }

  start ({ interval, longestStep }: Pace, tick: (times: Times) => void): void {
    let awake = 0
    let last = this.#now()
    this.#timer = setInterval(() => {
      const real = this.#now()
      awake += Math.min(real - last, longestStep)
      last = real
      tick({ real, awake })
    }, interval).unref()
  }

  stop (): void {
    clearInterval(this.#timer)
  }
}
