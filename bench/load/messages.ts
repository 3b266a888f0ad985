import type { Latency } from './histogram.ts'

/** Who reads. */
export interface Crowd {
  readonly port: number
  readonly path: string
  readonly readers: number
  /** 0: all hear everything; otherwise reader i hears channel `c{i % channels}`. */
  readonly channels: number
  /** So many of them, the first ones, read nothing behind the head. They count in nothing. */
  readonly stalled: number
  /** What the JSON text of each payload takes. */
  readonly bytes: number
  /** Whether latency is measured. */
  readonly times: boolean
  /** Whether they accept gzip. */
  readonly gzip: boolean
  /** Over so many connections of HTTP/2; 0: HTTP/1.1, a connection each. */
  readonly sessions: number
}

/** One connection after another, each closed at its first bytes. */
export interface Visits {
  readonly port: number
  readonly path: string
  readonly seconds: number
  readonly concurrency: number
}

export type AskedOfLoad =
  /** Answered by `open`, once each has the head of its answer, or none. May be asked again: the readers before stay. */
  | { readonly connect: Crowd }
  | { readonly visit: Visits }
  /** From here on `turn` is told whenever so many events have come; 0: never. */
  | { readonly turns: number }
  /** Counts from here. */
  | 'begin'
  | 'report'

/** What the readers counted since `begin`. */
export interface Counts {
  readonly delivered: number
  readonly lost: number
  readonly doubles: number
  /** Readers whose connection ended by itself, ever. */
  readonly cut: number
  readonly reads: number
  /** Bytes on the wire, framing and all. */
  readonly wire: number
  /** When the last event came, in milliseconds of the monotonic clock. */
  readonly lastAt: number
  readonly latency: Latency
}

export type ToldByLoad =
  | { readonly what: 'open', readonly open: number, readonly refused: number }
  | { readonly what: 'visited', readonly visits: number, readonly failed: number, readonly seconds: number }
  | { readonly what: 'turn' }
  | { readonly what: 'report', readonly counts: Counts }
