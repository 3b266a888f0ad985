import { availableParallelism, freemem, loadavg, totalmem } from 'node:os'
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import type { Machine } from './events.ts'

const RESOLUTION = 10

/** A meter of the machine that this process runs on. */
export class MachineMeter {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION })

  start (): void {
    this.#delays.enable()
  }

  stop (): void {
    this.#delays.disable()
  }

  /** @returns The current load and memory, and the longest event-loop delay since the last call. */
  sample (): Machine {
    const total = totalmem()
    // Node includes the pause between two of its samples in the delay.
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
