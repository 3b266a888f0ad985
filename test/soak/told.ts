import { EVERYBODY } from '../../plugin.ts'
import type { CloseReason } from '../../plugin.ts'

// What the processes of a soak tell each other.

/** How much each channel's events carry: one floods, so that readers who stall fall behind. */
export const FILLS: Readonly<Record<string, number>> = { [EVERYBODY]: 100, 'room 1': 100, 'room 2': 1000, flood: 20_000 }

/** What may be wrong with the server, on purpose. */
export const FAULTS = ['memory', 'timers', 'double', 'loss'] as const
export type Fault = typeof FAULTS[number]

/** The number of the last event of each channel. */
export type Numbers = Readonly<Record<string, number>>

/** How the server is; bytes after garbage was collected. */
export interface Sample {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  readonly sockets: number
  readonly timers: number
  readonly handles: number
  readonly subscribers: number
  readonly channels: number
  readonly views: number
  readonly events: number
  readonly deliveries: number
  readonly gaps: number
  readonly closes: Readonly<Record<CloseReason, number>>
}

/** What readers met. */
export interface Heard {
  readonly connections: number
  readonly events: number
  /** Gaps that they were told of. */
  readonly gaps: number
  /** Losses that nobody told them of, doubles, and what else may not be: how many, and the first few. */
  readonly faults: number
  readonly examples: readonly string[]
}
