import type { SubscriberContext } from '../augmentable.ts'
import type { Cursor } from '../cursor/cursor.ts'
import type { StartingPoint } from '../cursor/placement.ts'
import type { DeliveryPump } from '../subscribers/delivery-owner.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { CodingName } from '../wire/http-chunk.ts'
import type { GapReason } from '../wire/reasons.ts'
import type { StreamForm } from '../wire/stream-form.ts'

/** An admitted stream that has not started. */
export interface Start {
  readonly feed: Feed
  readonly at: StartingPoint
  readonly channels: readonly string[]
  readonly coding: CodingName
  readonly form: StreamForm
  readonly context: SubscriberContext
  /** The expiry, in milliseconds of the hub's clock; Infinity: never. */
  readonly expiresAt: number
}

/** The place of a stream. */
export interface Placed {
  readonly cursor: Cursor
  /** The reason of the gap before the cursor; absent if there is no gap. */
  readonly gap?: GapReason
  /** The event ID at which the gap begins; absent if it is unknown. */
  readonly lastEventId?: string
}

/** A sequence of entries that streams are opened on: the log of the hub, or the items of a run. */
export interface Feed {
  readonly pump: DeliveryPump
  /** The content codings that its entries can have, besides `identity`. */
  readonly compresses: boolean

  /**
   * Returns the starting point that the application asks for, at the time of the call.
   *
   * @param from `'head'`, `'oldest'` or an ID; undefined: the default of the feed.
   */
  startingPoint (from: string | undefined): StartingPoint

  /** Waits until the feed has got to an event ID, if another node may have got further. @returns Undefined if there is nothing to wait for. */
  wait (eventId: string): Promise<void> | undefined

  /** True if a reader that starts there has everything that will ever come. It gets 204. */
  hasAll (at: StartingPoint, form: StreamForm): boolean

  /** Creates the cursor of a stream. */
  place (start: Start): Placed

  /** Creates the cursor of a stream that never opens. */
  placeClosed (channels: readonly string[]): Cursor

  /** Called when the head of a stream is sent, after the hub has counted its subscriber. */
  opened (subscriber: Subscriber): void
}
