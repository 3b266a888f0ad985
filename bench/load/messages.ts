import type { Latency } from './histogram.ts'

// The messages between the driver and the process of the readers.

/** A crowd of readers to open. */
export interface Crowd {
  readonly port: number
  readonly path: string
  readonly readers: number
  /** Reader i receives the channel `c{i % channels}`. 0: every reader receives every event. */
  readonly channels: number
  /** The number of readers, the first ones, that read nothing after the response head. They are not counted in any figure. */
  readonly stalled: number
  /** The size of each payload as JSON text. */
  readonly bytes: number
  /** True: latency is measured. */
  readonly times: boolean
  /** True: the readers accept gzip. */
  readonly gzip: boolean
  /** The number of HTTP/2 connections that the readers share. 0: a connection of HTTP/1.1 for each reader. */
  readonly sessions: number
}

/** A series of connections, each closed at the first bytes of the response. */
export interface Visits {
  readonly port: number
  readonly path: string
  readonly seconds: number
  readonly concurrency: number
}

/** A message to the process of the readers. */
export type AskedOfLoad =
  /** The reply is `open`, when each reader has its response head or has failed. Further crowds may follow: earlier readers stay. */
  | { readonly connect: Crowd }
  | { readonly visit: Visits }
  /** From now on, `turn` is sent each time this number of events has arrived. 0: never. */
  | { readonly turns: number }
  /** Restarts the counts. */
  | 'begin'
  | 'report'

/** The counts of the readers since `begin`. */
export interface Counts {
  readonly delivered: number
  readonly lost: number
  readonly doubles: number
  /** The number of readers whose connection the server ended, since their start. */
  readonly cut: number
  readonly reads: number
  /** Bytes of the bodies, with their framing. */
  readonly wire: number
  /** The arrival of the last event, in milliseconds of the monotonic clock. */
  readonly lastAt: number
  readonly latency: Latency
}

/** A message of the process of the readers. */
export type ToldByLoad =
  | { readonly what: 'open', readonly open: number, readonly refused: number }
  | { readonly what: 'visited', readonly visits: number, readonly failed: number, readonly seconds: number }
  | { readonly what: 'turn' }
  | { readonly what: 'report', readonly counts: Counts }
