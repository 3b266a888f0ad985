import { EVERYBODY } from '../../plugin.ts'
import type { CloseReason } from '../../plugin.ts'

// The messages between the processes of a soak.

/** The size of the payloads in each channel: one channel floods, so that stalled readers fall behind. */
export const FILLS: Readonly<Record<string, number>> = { [EVERYBODY]: 100, 'room 1': 100, 'room 2': 1000, flood: 20_000 }

/** Deliberate faults of the server. */
export const FAULTS = ['memory', 'timers', 'double', 'loss'] as const
export type Fault = typeof FAULTS[number]

/** The number of the last event of each channel. */
export type Numbers = Readonly<Record<string, number>>

/** The state of the server; bytes are measured after a garbage collection. */
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

/** Totals of all readers. */
export interface Heard {
  readonly connections: number
  readonly events: number
  /** Gaps that the readers got. */
  readonly gaps: number
  /** The number of losses without a gap, duplicates and other faults; `examples` holds the first few. */
  readonly faults: number
  readonly examples: readonly string[]
}
