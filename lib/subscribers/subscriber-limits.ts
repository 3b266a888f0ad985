import type { Timeouts } from '../time/deadlines.ts'

/** What holds for every subscriber. */
export interface SubscriberLimits {
  readonly maxBacklogBytes: number
  readonly maxChannelsPerSubscriber: number
  /** Whether one that fell out of the log is given everything kept; false: what comes. */
  readonly replaysGaps: boolean
  /** Whether one that fell out of the log is closed. */
  readonly closesSlow: boolean
  readonly timeouts: Timeouts
  /** Heartbeats are events. */
  readonly heartbeatEvent: boolean
  /** Milliseconds that a reader has to take the end of a stream that it may hear no longer. */
  readonly endTimeout: number
}
