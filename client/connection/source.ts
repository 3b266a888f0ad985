import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Status } from './status.ts'

/** A source of events: this page's own connection, or a connection shared among tabs. */
export interface Source {
  readonly lastEventId: string
  /** Asks for events of this type, which now has a listener. */
  listenTo (type: string): void
  /** @param lastEventId The event ID to resume from. Absent: the current one. */
  reconnect (lastEventId?: string): void
  /** Makes the next attempt now if the source waits for it. A wait that the server asked for continues. */
  retryNow (): void
  close (): void
}

/** Receives the reports of a source. Its status starts as `connecting`; nothing follows `closed`. */
export interface SourceListener {
  status (status: Status): void
  event (event: ParsedEvent): void
  /** The data of the stream's `sse.open`, if the event itself arrived before this source took part. */
  began (opening: string): void
  /** An error for `onError`, such as an exception of the function `headers`. */
  error (error: unknown): void
}
