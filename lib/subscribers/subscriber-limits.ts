import type { Timeouts } from '../time/deadlines.ts'

/** The limits and times that apply to every subscriber. */
export interface SubscriberLimits {
  readonly maxBacklogBytes: number
  readonly maxChannelsPerSubscriber: number
  /** True: a subscriber that fell behind the log gets all kept entries after its gap. False: it gets only new entries. */
  readonly replaysGaps: boolean
  /** True: the stream of a subscriber that fell behind the log ends. */
  readonly closesSlow: boolean
  readonly timeouts: Timeouts
  /** The time that a reader has to receive the end of a revoked stream, in milliseconds. */
  readonly endTimeout: number
}
