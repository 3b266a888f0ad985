import { clearInterval, monotonicTime, setImmediate, setInterval } from './timers.ts'

/** Whole monotonic milliseconds: setting the wall clock changes nothing. */
export function now (): number {
  // Integers only: V8 keeps them inline, while each fractional number would be a heap object, several per subscriber.
  return Math.trunc(monotonicTime())
}

/** Clamps a delay to Node's maximum: `setTimeout` fires after 1 ms when given more. */
export function longestTimer (milliseconds: number): number {
  return Math.min(milliseconds, 2 ** 31 - 1)
}

/** How often a clock ticks. Milliseconds. */
export interface TickInterval {
  readonly interval: number
  /** A longer gap between two ticks means that the process was blocked or suspended; the excess is not counted as awake time. */
  readonly longestStep: number
}

/** The time of a tick, in milliseconds of two clocks. */
export interface Times {
  /** The time that the clock shows. */
  readonly real: number
  /** That time less the time in which this process was blocked or suspended: nobody else could do anything either then. */
  readonly awake: number
}

/**
 * One coarse timer for everything that happens to subscribers after a while, however many there are. Keeps no process alive.
 */
export class Clock {
  readonly #source: () => number
  /** Milliseconds by which a test moved it. */
  #moved = 0
  #timer: NodeJS.Timeout | undefined
  #ticks: TickInterval = { interval: Infinity, longestStep: Infinity }
  #tick: () => void = () => {}
  /** Milliseconds by which it will be moved when every advance is done. */
  #movedAtLast = 0

  /** @param source Monotonic milliseconds. */
  constructor (source: () => number = now) {
    this.#source = source
  }

  get now (): number { return this.#source() + this.#moved }

  start (ticks: TickInterval, tick: (times: Times) => void): void {
    let awake = 0
    let last = this.now
    this.#ticks = ticks
    this.#tick = () => {
      const real = this.now
      awake += Math.min(real - last, ticks.longestStep)
      last = real
      tick({ real, awake })
    }
    this.#timer = setInterval(() => this.#tick(), ticks.interval).unref()
  }

  /**
   * Moves the clock forward, tick by tick, as if that time had passed.
   *
   * @param milliseconds A whole number.
   * @returns Resolves when readers in this process have taken what each tick gave them.
   */
  async advance (milliseconds: number): Promise<void> {
    const end = this.#movedAtLast += milliseconds
    while (this.#moved < end) {
      // Whole: see `now`.
      this.#moved = Math.min(this.#moved + Math.ceil(this.#ticks.interval), end)
      this.#tick()
      // In the first turn the pump writes, in the second a reader in this process reads.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  stop (): void {
    clearInterval(this.#timer)
    this.#tick = () => {}
  }
}
