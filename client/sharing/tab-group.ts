import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Status } from '../connection/status.ts'

// The group of tabs that share a stream: its messages, and the lock that decides which tab leads.

/** A message between tabs that share a stream. `term` identifies the period in which one tab leads. */
export type Message =
  /** A tab has become the leader. The others ask to follow it. */
  | { readonly kind: 'lead' }
  /** A tab asks to follow the leader, from its last event on. */
  | { readonly kind: 'hello', readonly tab: string, readonly lastEventId: string }
  | Welcome
  | { readonly kind: 'event', readonly term: string, readonly event: ParsedEvent }
  | { readonly kind: 'status', readonly term: string, readonly status: Status }
  /** A tab asks the leader to reconnect, or to make its next attempt now. */
  | { readonly kind: 'reconnect' | 'hasten' }

/** The leader's response to `hello`. */
export interface Welcome {
  readonly kind: 'welcome'
  readonly tab: string
  readonly term: string
  readonly status: Status
  /** The last event ID of the leader. */
  readonly lastEventId: string
  /** The last event ID of the tab, as its `hello` gave it. */
  readonly since: string
  /** The events after `since`; undefined if the leader does not know that ID. */
  readonly missed: readonly ParsedEvent[] | undefined
  /** The data of the leader's last `sse.open`, which the tab may have missed. */
  readonly opening?: string | undefined
}

interface TabGroupListener {
  received (message: Message): void
  /** This tab is the leader now, until it leaves. */
  lead (): void
  /** The browser denies this page the lock. */
  refused (): void
}

/** A tab's membership in the group of a name. Members exchange messages, and one at a time holds the lock and leads. */
export class TabGroup {
  readonly #channel: BroadcastChannel
  readonly #leaving = new AbortController()

  constructor (name: string, listener: TabGroupListener) {
    const { signal } = this.#leaving
    this.#channel = new BroadcastChannel(name)
    // Any code of this origin may post anything to the channel.
    this.#channel.onmessage = ({ data }: MessageEvent<Message | { readonly kind: 'echo' } | null>) => {
      if (!signal.aborted && data?.kind && data.kind !== 'echo') listener.received(data)
    }
    const lead = async (): Promise<void> => {
      await this.#caughtUp(name)
      if (!signal.aborted) listener.lead()
      // The listener may have left.
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    navigator.locks.request(name, { signal }, lead).catch(() => { if (!signal.aborted) listener.refused() })
  }

  /** Sends a message to all other tabs. Does nothing after `leave`. */
  say (message: Message): void {
    if (!this.#leaving.signal.aborted) this.#channel.postMessage(message)
  }

  /** Ends the membership: no more messages arrive, and the lock goes to the next tab. */
  leave (): void {
    this.#leaving.abort()
    this.#channel.close()
  }

  /** Waits for the last messages of the previous leader, which may arrive after the lock. A message posted now arrives behind them. */
  async #caughtUp (name: string): Promise<void> {
    const { signal } = this.#leaving
    await new Promise<void>((resolve) => {
      const echo = crypto.randomUUID()
      // A channel does not receive its own messages.
      const other = new BroadcastChannel(name)
      this.#channel.addEventListener('message', ({ data }) => { if (data?.echo === echo) resolve() }, { signal })
      signal.addEventListener('abort', () => resolve())
      other.postMessage({ kind: 'echo', echo })
      other.close()
    })
  }
}
