import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Failure } from './failure.ts'

/** One attempt to read a stream. When it is closed, or has said that it is lost, it says nothing more. */
export interface Attempt {
  /** Comments are seen, too: the server's heartbeat needs no event. */
  readonly seesComments: boolean
  /** Delivers events of this type from now on. Called once for each type. A transport that delivers all of them has nothing to do. */
  listenTo (type: string): void
  close (): void
}

/** What an attempt tells. None of it while it is made. */
export interface AttemptListener {
  /** The head of an event stream has come. Nothing of the stream itself may follow. */
  opened (): void
  /** It broke off, and tries again by itself. */
  retrying (): void
  event (event: ParsedEvent): void
  comment (): void
  /** Bytes came, whatever they are part of. */
  sign (): void
  /** The server says how long to wait before the next attempt: milliseconds. */
  retry (reconnectionTime: number): void
  lost (failure: Failure): void
  /** What is not the network's doing. */
  error (error: unknown): void
}

export interface AttemptOptions {
  readonly url: string
  /** The query that goes on from the last event ID, as the end of the URL; empty where there is none. */
  readonly place: string
  /** That of the stream so far: an event that brings none keeps it. */
  readonly lastEventId: string
  /** The event types that are listened to. */
  readonly types: Iterable<string>
}

export type Transport = (options: AttemptOptions, listener: AttemptListener) => Attempt
