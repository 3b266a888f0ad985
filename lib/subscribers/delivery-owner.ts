import type { DeliveryCounters } from './counters.ts'
import type { Pumped } from './fan-out-pump.ts'
import type { SubscriberLimits } from './subscriber-limits.ts'

/** What a delivery asks of the hub, and tells it. */
export interface DeliveryOwner {
  readonly counters: DeliveryCounters
  readonly limits: SubscriberLimits
  /** The text that breaks a silence. */
  readonly heartbeat: string
  /** Monotonic milliseconds. */
  readonly now: number
  /** Milliseconds, drawn again at every call. */
  drawReconnectionTime (): number
  /** The delivery has something to write, and its socket accepts it. */
  ready (delivery: Pumped): void
  /** The socket accepts no more for now, or accepts more again. */
  pushedBack (delivery: Pumped, isPushedBack: boolean): void
}
