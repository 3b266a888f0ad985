import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Failure } from './failure.ts'

// The contract between a connection and a transport, which makes the attempts to read a stream.

/** One attempt to read a stream. It reports nothing after it has been closed or has reported `lost`. */
export interface Attempt {
  /** True if comments are reported, so that heartbeat comments count as signs of life. */
  readonly seesComments: boolean
  /** Delivers events of this type from now on. Called once for each type. A transport that delivers every type ignores the call. */
  listenTo (type: string): void
  close (): void
}

/** Receives the reports of an attempt. The transport function returns before the first report. */
export interface AttemptListener {
  /** The response head of an event stream has arrived. The body may still be empty. */
  opened (): void
  /** The stream broke off, and the transport itself reconnects. */
  retrying (): void
  event (event: ParsedEvent): void
  comment (): void
  /** A sign of life: some bytes of the body have arrived. */
  sign (): void
  /** The stream set the reconnection time, in milliseconds. */
  retry (reconnectionTime: number): void
  lost (failure: Failure): void
  /** An error for `onError`, such as an exception of the function `headers`. A network failure is reported by `lost` alone. */
  error (error: unknown): void
}

export interface AttemptOptions {
  readonly url: string
  /** The query with the last event ID, ready to be appended to `url`; empty if there is no ID. */
  readonly resumeQuery: string
  /** The last event ID of the stream so far. It stays in force until an event brings another ID. */
  readonly lastEventId: string
  /** The event types that have listeners. */
  readonly types: Iterable<string>
}

export type Transport = (options: AttemptOptions, listener: AttemptListener) => Attempt
