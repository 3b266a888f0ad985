import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import type { Status } from '../connection/status.ts'

/** What tabs that share a stream say to each other. A `term` is the time of one leader. */
export type Message =
  /** A leader has taken over: who wants to follow? */
  | { readonly kind: 'lead' }
  /** This tab does, from its last event on. */
  | { readonly kind: 'hello', readonly tab: string, readonly lastEventId: string }
  | Welcome
  | { readonly kind: 'event', readonly term: string, readonly event: ParsedEvent }
  | { readonly kind: 'status', readonly term: string, readonly status: Status }
  /** To the leader, of a tab that wants it. */
  | { readonly kind: 'reconnect' | 'hasten' }

/** A tab may follow. */
export interface Welcome {
  readonly kind: 'welcome'
  readonly tab: string
  readonly term: string
  readonly status: Status
  /** Where the leader is. */
  readonly lastEventId: string
  /** Where the tab said that it was, and what came since; undefined where the leader does not know that event. */
  readonly since: string
  readonly missed: readonly ParsedEvent[] | undefined
  /** The data of the last `sse.open` of the leader, which the tab may have missed. */
  readonly opening?: string | undefined
}

interface TabGroupListener {
  told (message: Message): void
  /** It is this tab's turn, until it leaves. */
  lead (): void
  /** The browser gives no turns to this page. */
  refused (): void
}

/** One tab among those of a name: they hear each other, and lead in turn. */
export class TabGroup {
  readonly #channel: BroadcastChannel
  readonly #leaving = new AbortController()

  constructor (name: string, listener: TabGroupListener) {
    const { signal } = this.#leaving
    this.#channel = new BroadcastChannel(name)
    // Any code of this origin may say anything on a channel.
    this.#channel.onmessage = ({ data }: MessageEvent<Message | { readonly kind: 'echo' } | null>) => {
      if (!signal.aborted && data?.kind && data.kind !== 'echo') listener.told(data)
    }
    const lead = async (): Promise<void> => {
      await this.#caughtUp(name)
      if (!signal.aborted) listener.lead()
      // Whoever heard of that may have left.
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    navigator.locks.request(name, { signal }, lead).catch(() => { if (!signal.aborted) listener.refused() })
  }

  /** To all others. After `leave`, to nobody. */
  say (message: Message): void {
    if (!this.#leaving.signal.aborted) this.#channel.postMessage(message)
  }

  /** Hears nothing more. If it leads, the turn is the next one's. */
  leave (): void {
    this.#leaving.abort()
    this.#channel.close()
  }

  /** The turn may come before the last words of the leader before. A word of one's own comes behind them. */
  async #caughtUp (name: string): Promise<void> {
    const { signal } = this.#leaving
    await new Promise<void>((resolve) => {
      const echo = crypto.randomUUID()
      // A channel does not hear itself.
      const other = new BroadcastChannel(name)
      this.#channel.addEventListener('message', ({ data }) => { if (data?.echo === echo) resolve() }, { signal })
      signal.addEventListener('abort', () => resolve())
      other.postMessage({ kind: 'echo', echo })
      other.close()
    })
  }
}
