// The contract between the driver, the server under test and its readers.

/**
 * The payload of every event: a JSON object that begins with `{"n":<number>,"t":<time>`.
 *
 * The numbers of a channel count up from 1 and continue from plan to plan. A reader can therefore count lost events and duplicates, whatever
 * the server wraps around the payload.
 */
export interface Payload {
  readonly n: number
  /** The time of publishing, in milliseconds with three decimals, by the monotonic clock that all processes of a machine share. */
  readonly t: number
  /** Fills the event up to the size that the workload states. */
  readonly x: string
}

/** Settings of a server under test. */
export interface Setup {
  readonly http2: boolean
  readonly compress: boolean
  /** Milliseconds. False: no heartbeats. */
  readonly heartbeatInterval: number | false
  /** The number of channels, named `c0`, `c1`, …. 0: every reader receives every event. */
  readonly channels: number
}

/** The address to which readers connect, and the processes whose CPU and memory count. */
export interface Address {
  readonly port: number
  /** The path of the event stream. With channels, the path of a channel is `path + name`. */
  readonly path: string
  /** The processes that serve. Empty: the process that runs the contestant. */
  readonly pids: readonly number[]
}

/** A server under test, written in a few lines with its library. */
export interface Contestant {
  /** The name in the tables, with the version of the library. */
  readonly title: string
  /** The features of the server. A workload that needs others leaves the server out. */
  readonly can: { readonly http2: boolean, readonly compress: boolean, readonly channels: boolean, readonly heartbeats: boolean }
  /** Returns a line that says what to install, if the server cannot run here. */
  missing? (): string | undefined
  start (setup: Setup): Promise<Address>
  /** Publishes to a channel. Undefined: to all readers. Returns when the library's call returns, and never waits for readers. */
  publish (payload: Payload, channel: string | undefined): void
  /** Returns the number of open streams. */
  count (): number | Promise<number>
  close (): Promise<void>
}

/** A plan for publishing events. `bytes` is the size of a payload as JSON text. */
export type Plan =
  /** `count` events in one turn of the event loop. */
  | { readonly kind: 'burst', readonly count: number, readonly bytes: number }
  /**
   * Events at a fixed rate, however late the server is. Events that fell due while it was blocked are published in the next turn. With
   * `channels`, each event goes to one channel, in rotation.
   */
  | { readonly kind: 'pace', readonly perSecond: number, readonly seconds: number, readonly bytes: number, readonly channels?: number }
  /** `count` events, to the channels in rotation (0 channels: to all readers). Each waits until its readers have received the previous one. */
  | { readonly kind: 'turns', readonly count: number, readonly bytes: number, readonly channels: number }

/** The figures of a server process, measured from `begin` to `report`. */
export interface Report {
  /** The delay of its event loop, in milliseconds. Zeros if `begin` is missing. The processes of `Address.pids` are not measured. */
  readonly loopDelay: { readonly p50: number, readonly p99: number, readonly max: number }
  readonly published: number
  readonly open: number
}

/** A message to a server process. The setup comes first. */
export type AskedOfServer =
  | { readonly setup: Setup }
  /** The reply is `published`, after the last event. In a plan of the kind `turns`, every event, also the first, waits for a `next`. */
  | { readonly publish: Plan }
  /** Has no reply. */
  | 'next'
  /** Starts the measurement for `report`. Until then, watching the event loop costs a turn of it every millisecond. */
  | 'begin'
  | 'report'
  /** Collects garbage first, if `--expose-gc` is set. */
  | 'memory'
  /** Ends the process, without a reply. The process also ends when its driver has gone. */
  | 'stop'

/** A reply of a server process. Replies keep the order of the messages, except for `published`. */
export type ToldByServer =
  | { readonly what: 'listening', readonly address: Address }
  /** The reply to a setup with which the server cannot run here. The process ends. */
  | { readonly what: 'missing', readonly line: string }
  | { readonly what: 'published', readonly count: number }
  | { readonly what: 'began' }
  | { readonly what: 'report', readonly report: Report }
  /** Resident bytes of all processes in `Address.pids`. */
  | { readonly what: 'memory', readonly rss: number }
