import { GAP_REASONS, type GapReason } from '../wire/reasons.ts'

/** The counts of everything that the subscribers of this process were sent. */
export interface DeliveryCounters {
  /** The number of deliveries: an event that goes to ten subscribers counts ten times. */
  deliveries: number
  /** The number of bytes of event streams, after compression, without response heads and transfer coding. */
  bytes: number
  /** The number of gaps, by reason. */
  readonly gaps: Record<GapReason, number>
  /** The number of subscribers that began with entries from before they connected. */
  replays: number
}

/** Creates counters that begin at zero. */
export function zeroCounters (): DeliveryCounters {
  return {
    deliveries: 0,
    bytes: 0,
    gaps: Object.fromEntries(GAP_REASONS.map((reason) => [reason, 0])) as Record<GapReason, number>,
    replays: 0
  }
}
