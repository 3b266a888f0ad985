import { clearInterval, monotonicTime, setImmediate, setInterval } from './timers.ts'

/** Returns monotonic time in whole milliseconds. Changes of the wall clock do not affect it. */
export function now (): number {
  // Integers only: V8 keeps them inline, while each fractional number would be a heap object, several per subscriber.
  return Math.trunc(monotonicTime())
}

/** Clamps a delay to Node's maximum: `setTimeout` fires after 1 ms when given more. */
export function longestTimer (milliseconds: number): number {
  return Math.min(milliseconds, 2 ** 31 - 1)
}

/** The ticks of a clock, in milliseconds. */
export interface TickInterval {
  /** The time between two ticks. */
  readonly interval: number
  /** A longer gap between two ticks means that the process was blocked or suspended; the excess is not counted as awake time. */
  readonly longestStep: number
}

/** The time of a tick, in milliseconds. */
export interface Times {
  /** Monotonic time. */
  readonly real: number
  /** Awake time: excludes the time in which this process was blocked or suspended, when no stream could make progress. */
  readonly awake: number
}

/**
 * A coarse clock: one timer for the deadlines of all subscribers. It does not keep the process alive.
 */
export class Clock {
  readonly #source: () => number
  /** The milliseconds by which `advance` has moved the clock. */
  #moved = 0
  #timer: NodeJS.Timeout | undefined
  #ticks: TickInterval = { interval: Infinity, longestStep: Infinity }
  #tick: () => void = () => {}
  /** The value of `#moved` when all calls of `advance` will be done. */
  #moveTarget = 0

  /** @param source A function that returns monotonic time in whole milliseconds. */
  constructor (source: () => number = now) {
    this.#source = source
  }

  /** The time of the clock in milliseconds: monotonic time and what `advance` has added. */
  get now (): number { return this.#source() + this.#moved }

  /** Starts the timer. @param tick Called at every tick. */
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
   * @returns A promise that resolves when readers in this process have received what was written at each tick.
   */
  async advance (milliseconds: number): Promise<void> {
    const end = this.#moveTarget += milliseconds
    while (this.#moved < end) {
      // Whole milliseconds, as in `now`.
      this.#moved = Math.min(this.#moved + Math.ceil(this.#ticks.interval), end)
      this.#tick()
      // In the first turn the pump writes, in the second a reader in this process reads.
      for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Stops the timer. Afterwards `advance` moves the clock without ticks. */
  stop (): void {
    clearInterval(this.#timer)
    this.#tick = () => {}
  }
}
