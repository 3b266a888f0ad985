import type { Sample } from './told.ts'

const MIB = 1024 * 1024

/**
 * The growth that is tolerated within the second half of a soak: `least`, or `part` of the median if that is more.
 *
 * The first half is for warming up: code is compiled, and the history fills.
 */
export const TOLERANCES = {
  rss: { least: 32 * MIB, part: 0.1 },
  heapUsed: { least: 2 * MIB, part: 0.05 },
  external: { least: 10 * MIB, part: 0.2 },
  sockets: { least: 30, part: 0.2 },
  timers: { least: 5, part: 0 },
  handles: { least: 35, part: 0.2 },
  subscribers: { least: 30, part: 0.2 },
  channels: { least: 60, part: 0.2 },
  views: { least: 60, part: 0.2 }
} as const satisfies Partial<Record<keyof Sample, { least: number, part: number }>>

export type Watched = keyof typeof TOLERANCES

export interface Growth {
  readonly what: Watched
  readonly grown: number
  readonly tolerated: number
}

/** The growth of every watched value within the second half. */
export function growthOf (samples: readonly Sample[]): Growth[] {
  const half = samples.slice(Math.floor(samples.length / 2))
  return (Object.keys(TOLERANCES) as Watched[]).map((what) => {
    const values = half.map((sample) => sample[what])
    const { least, part } = TOLERANCES[what]
    return { what, grown: slope(values) * (values.length - 1), tolerated: Math.max(least, median(values) * part) }
  })
}

/** The median of the slopes between any two values, per step: a few outliers do not move it (Theil and Sen). */
export function slope (values: readonly number[]): number {
  const slopes = values.flatMap((value, at) => values.slice(at + 1).map((later, steps) => (later - value) / (steps + 1)))
  return slopes.length === 0 ? 0 : median(slopes)
}

function median (values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
