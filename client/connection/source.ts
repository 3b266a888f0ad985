import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Status } from './status.ts'

/** Where events come from: a connection of this page's own, or one that it shares. */
export interface Source {
  readonly lastEventId: string
  /** Somebody listens to events of this type. */
  listenTo (type: string): void
  /** @param lastEventId Where to go on from; absent: where it is. */
  reconnect (lastEventId?: string): void
  /** A good moment for a try, where it waits for one. */
  retryNow (): void
  close (): void
}

/** What a source tells. It begins with `connecting`, and says nothing more after `closed`. */
export interface SourceListener {
  status (status: Status): void
  event (event: ParsedEvent): void
  /** The data of an `sse.open` that came before there was somebody to hear it. */
  began (opening: string): void
  /** What is not the network's doing. */
  error (error: unknown): void
}
