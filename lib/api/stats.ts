import type { CloseReason, GapReason } from '../wire/reasons.ts'

/** What happened so far in this process, and what is now. */
export interface Stats {
  /** Event streams open now. */
  readonly subscribers: number
  /** Channels that somebody hears. */
  readonly channels: number
  /** Distinct sets of channels that somebody hears. */
  readonly views: number
  /** Event streams that ended, by reason. */
  readonly closes: Readonly<Record<CloseReason, number>>
  /** Events broadcast. */
  readonly events: number
  /** Events that a later one of the same key replaced (`latestBy`), once for each channel. */
  readonly replaced: number
  /** Broadcasts that were rejected. */
  readonly failedBroadcasts: number
  /** Events, times the subscribers they were handed to. */
  readonly deliveries: number
  /** Bytes of event streams handed to sockets: events as they go out, compressed or not, without the framing around them. */
  readonly bytes: number
  /** How often a reader was told that events were gone, by reason. */
  readonly gaps: Readonly<Record<GapReason, number>>
  /** Readers that began with events from before they came. */
  readonly replays: number
  /** Events that the subscriber furthest behind has still to get. */
  readonly lag: number
}
