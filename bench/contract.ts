/**
 * What the driver, the server under test and its readers agree on.
 *
 * Every event is one JSON object that begins with `{"n":<number>,"t":<time>`: numbers count up from 1 for each channel, on
 * from plan to plan, so that each reader can count what it lost and what it got twice, whatever the server wraps around it.
 */
export interface Payload {
  readonly n: number
  /** When it was published: milliseconds of the monotonic clock that all processes of a machine share, three decimals. */
  readonly t: number
  /** Fills the event up to the size that the workload states. */
  readonly x: string
}

/** How a server is to be set up. */
export interface Setup {
  readonly http2: boolean
  readonly compress: boolean
  /** Milliseconds; false: no heartbeats. */
  readonly heartbeatInterval: number | false
  /** Channels there will be, named `c0`, `c1`, …; 0: everybody hears everything. */
  readonly channels: number
}

/** Where readers connect, and whose CPU and memory count. */
export interface Address {
  readonly port: number
  /** The path of the event stream; with channels, `path + name` is that of one. */
  readonly path: string
  /** The processes that serve. Empty: the one that runs the contestant itself. */
  readonly pids: readonly number[]
}

/** One server under test: the same few lines with each library. */
export interface Contestant {
  /** As the table says it, with the version of the library. */
  readonly title: string
  /** What it can be asked for: workloads that need more leave it out. */
  readonly can: { readonly http2: boolean, readonly compress: boolean, readonly channels: boolean, readonly heartbeats: boolean }
  /** A line where it cannot run here, with what to install. */
  missing? (): string | undefined
  start (setup: Setup): Promise<Address>
  /** Everybody, or one channel. Returns when the library's call does; never waits for readers. */
  publish (payload: Payload, channel: string | undefined): void
  /** Streams that are open. */
  count (): number | Promise<number>
  close (): Promise<void>
}

/** How events are published: `bytes` is what the JSON text of the payload takes. */
export type Plan =
  /** So many at once, in one turn of the loop. */
  | { readonly kind: 'burst', readonly count: number, readonly bytes: number }
  /**
   * At a pace, however late the server is; what fell due while it was blocked is published in the next turn. With `channels`, each event
   * goes to one channel, one after another.
   */
  | { readonly kind: 'pace', readonly perSecond: number, readonly seconds: number, readonly bytes: number, readonly channels?: number }
  /** To one channel after another (0 channels: to everybody), `count` in all, the next when its readers have the one before. */
  | { readonly kind: 'turns', readonly count: number, readonly bytes: number, readonly channels: number }

/** What a server process says of itself, from `begin` to `report`. */
export interface Report {
  /** Milliseconds by which its event loop was late. Zeros without a `begin`. Says nothing of the processes of `Address.pids`. */
  readonly loopDelay: { readonly p50: number, readonly p99: number, readonly max: number }
  readonly published: number
  readonly open: number
}

/** What a server process is asked for, by messages: the setup first. */
export type AskedOfServer =
  | { readonly setup: Setup }
  /** Answered by `published`, when the last event is. Of `turns`, each event waits for its `next`, the first one too. */
  | { readonly publish: Plan }
  /** Not answered. */
  | 'next'
  /** What `report` says is measured anew from here. The loop is watched until `report`, which costs a turn of it every millisecond. */
  | 'begin'
  | 'report'
  /** Collects garbage first where it may (`--expose-gc`). */
  | 'memory'
  /** Not answered: the process ends. It does so as well when its driver has gone. */
  | 'stop'

/** What a server process answers, in the order in which it was asked; only `published` comes when it comes. */
export type ToldByServer =
  | { readonly what: 'listening', readonly address: Address }
  /** Instead of that, and the process ends. */
  | { readonly what: 'missing', readonly line: string }
  | { readonly what: 'published', readonly count: number }
  | { readonly what: 'began' }
  | { readonly what: 'report', readonly report: Report }
  /** Bytes resident, of all that `Address.pids` says. */
  | { readonly what: 'memory', readonly rss: number }
