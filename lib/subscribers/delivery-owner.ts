import type { DeliveryCounters } from './counters.ts'
import type { Pumped } from './pump.ts'
import type { SubscriberLimits } from './subscriber-limits.ts'
import type { StreamForm } from '../wire/stream-form.ts'

/** The part of the hub that a delivery uses. */
export interface DeliveryOwner {
  readonly counters: DeliveryCounters
  readonly limits: SubscriberLimits
  /** The form of a stream that asks for no other. */
  readonly form: StreamForm
  /** The time of the hub's clock, in monotonic milliseconds. */
  readonly now: number
  /** Draws a random reconnection time. @returns Milliseconds. */
  drawReconnectionTime (): number
}

/** The part of a pump that a delivery uses. */
export interface DeliveryPump {
  /** Called when a delivery has something to write and its socket accepts bytes. */
  add (delivery: Pumped): void
  /** Called with true when the socket of a delivery is full, with false when it has drained or closed. */
  passBy (delivery: Pumped, isPassedBy: boolean): void
}
