import type { Broker, BrokerHealth } from '../broker/broker.ts'
import type { LoggedBroadcasts } from './logged-broadcasts.ts'
import type { Views } from '../cursor/views.ts'
import type { ChannelIndex } from '../log/channel-index.ts'
import type { Broadcaster } from '../publish/broadcaster.ts'
import type { RunStats } from '../runs/run-stats.ts'
import type { Runs } from '../runs/runs.ts'
import type { Hub } from '../subscribers/hub.ts'
import type { CloseReason, GapReason } from '../wire/reasons.ts'

/**
 * The figures of one hub in this process: counts since its start, and its present state.
 *
 * @see docs/deployment.md
 */
export interface Stats {
  /** The number of event streams open now. */
  readonly subscribers: number
  /** The number of channels that have subscribers now. */
  readonly channels: number
  /** The number of distinct sets of channels that subscribers hear now. */
  readonly views: number
  /** The number of event streams that have ended, or never opened (`overload`, `refused`), by close reason. */
  readonly closes: Readonly<Record<CloseReason, number>>
  /** The number of events broadcast. */
  readonly events: number
  /** The number of events that a later event of the same key replaced (`latestBy`), counted once per channel. */
  readonly replaced: number
  /** The number of broadcasts that were rejected. */
  readonly failedBroadcasts: number
  /** The number of deliveries: an event that goes to ten subscribers counts ten times. */
  readonly deliveries: number
  /** The number of bytes of event streams written to sockets, after compression and without HTTP framing. */
  readonly bytes: number
  /** The number of `sse.gap` events sent, by gap reason. */
  readonly gaps: Readonly<Record<GapReason, number>>
  /** The number of streams that began with events from before they opened. */
  readonly replays: number
  /** The number of events that the subscriber furthest behind has yet to get. */
  readonly lag: number
  /** The figures of the runs of this process. */
  readonly runs: RunStats
  /** The state of the broker in this process. */
  readonly broker: BrokerHealth
}

interface StatsParts {
  readonly broker: Broker
  readonly hub: Hub
  readonly channels: ChannelIndex
  readonly views: Views
  readonly broadcaster: Broadcaster
  readonly broadcasts: LoggedBroadcasts
  readonly runs: Runs
}

/** The figures of a hub as they are at the call. */
export function takeStats ({ broker, hub, channels, views, broadcaster, broadcasts, runs }: StatsParts): Stats {
  return {
    subscribers: hub.size,
    channels: hub.channels,
    views: views.size,
    closes: hub.closes,
    events: broadcaster.events,
    replaced: channels.replaced,
    failedBroadcasts: broadcasts.failed,
    ...hub.counters,
    gaps: { ...hub.counters.gaps },
    lag: hub.lag,
    runs: runs.stats(),
    broker: broker.health()
  }
}
