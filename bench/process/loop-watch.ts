import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Report } from '../contract.ts'

const RESOLUTION = 1

/** Measures the delay of the event loop. */
export class LoopWatch {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION })

  begin (): void {
    this.#delay.reset()
    this.#delay.enable()
  }

  end (): Report['loopDelay'] {
    this.#delay.disable()
    const { count } = this.#delay
    // The histogram records the time from one sample to the next, which includes the resolution.
    const late = (nanoseconds: number): number => count === 0 ? 0 : Math.max(0, nanoseconds / 1e6 - RESOLUTION)
    return { p50: late(this.#delay.percentile(50)), p99: late(this.#delay.percentile(99)), max: late(this.#delay.max) }
  }
}
