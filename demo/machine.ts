import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import type { Machine } from './events.ts'

const RESOLUTION = 10

/** Measures the machine that this process runs on. */
export class MachineMeter {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION })

  start (): void {
    this.#delays.enable()
  }

  stop (): void {
    this.#delays.disable()
  }

  /** What it is now; the event-loop delay since the last call. */
  sample (): Machine {
    const total = totalmem()
    // Node counts its own pause between two looks as delay.
    const delay = this.#delays.count === 0 ? 0 : Math.max(0, this.#delays.max / 1e6 - RESOLUTION)
    this.#delays.reset()
    return {
      at: Date.now(),
      load: { average: round(loadavg()[0]!), cpus: availableParallelism() },
      memory: { used: total - freemem(), total },
      eventLoopDelay: round(delay)
    }
  }
}

function round (value: number): number {
  return Math.round(value * 100) / 100
}
