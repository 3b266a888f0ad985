import { GAP_REASONS, type GapReason } from '../wire/reasons.ts'

/** What was handed to the readers of this process. */
export interface DeliveryCounters {
  /** Events, times the subscribers that got them. */
  deliveries: number
  /** Bytes of event streams, without heads and transfer coding. */
  bytes: number
  /** How often a subscriber was told that entries were gone, by reason. */
  readonly gaps: Record<GapReason, number>
  /** Subscribers that began with entries from before they came. */
  replays: number
}

export function zeroCounters (): DeliveryCounters {
  return {
    deliveries: 0,
    bytes: 0,
    gaps: Object.fromEntries(GAP_REASONS.map((reason) => [reason, 0])) as Record<GapReason, number>,
    replays: 0
  }
}
