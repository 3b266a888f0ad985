import type { ParsedEvent } from './event-stream-parser.ts'
import type { PageListener } from './page-life.ts'
import { RecentEvents } from './recent-events.ts'
import type { Source, SourceListener } from './source.ts'
import type { Status } from './status.ts'

export interface SharingOptions {
  readonly url: string
  readonly withCredentials: boolean
  readonly lastEventId: string
  readonly connectTimeout: number
}

/** Handed in: what the main module has is not loaded twice. */
export interface SharingParts {
  readonly open: (lastEventId: string, listener: SourceListener) => Source
  readonly watchPage: (listener: PageListener) => () => void
}

/** What the tabs say to each other. A `term` is the time of one leader. */
type Message =
  /** A leader has taken over: who wants to follow? */
  | { readonly kind: 'lead' }
  /** This tab does, from its last event on. */
  | { readonly kind: 'hello', readonly tab: string, readonly lastEventId: string }
  /** It may. `missed`: undefined where the leader does not know its last event. */
  | { readonly kind: 'welcome', readonly tab: string, readonly term: string, readonly lastEventId: string, readonly missed: ParsedEvent[] | undefined, readonly status: Status }
  | { readonly kind: 'event', readonly term: string, readonly event: ParsedEvent }
  | { readonly kind: 'status', readonly term: string, readonly status: Status }
  | { readonly kind: 'reconnect' }
  /** A tab's own, which comes back behind all that was said before it. */
  | { readonly kind: 'echo', readonly tab: string }

/**
 * One stream for all tabs. The tab that holds a lock leads: it reads the stream, and tells the others. When it goes, the browser gives
 * the lock to the next one, which reads on from its own last event.
 */
export class SharedConnection implements Source {
  readonly #name: string
  readonly #options: SharingOptions
  readonly #parts: SharingParts
  readonly #listener: SourceListener
  readonly #tab = crypto.randomUUID()
  readonly #forgetPage: () => void
  #recent: RecentEvents
  #channel!: BroadcastChannel
  #membership!: AbortController
  /** The time of the leader that this tab follows. */
  #term: string | undefined
  /** IDs of events that this tab has had and a new leader has not: they will come again. */
  #ahead = new Set<string>()
  /** Of the leader, or of a tab that has to read for itself. */
  #source: Source | undefined
  #isLeader = false
  #status: Status = { state: 'connecting' }
  #patience: ReturnType<typeof setTimeout> | undefined

  constructor (options: SharingOptions, parts: SharingParts, listener: SourceListener) {
    const { url, withCredentials, lastEventId } = options
    this.#name = `fastify-typed-sse ${url} ${withCredentials}`
    this.#options = options
    this.#parts = parts
    this.#listener = listener
    this.#recent = new RecentEvents(lastEventId)
    // A page that leads cannot go into the back/forward cache, and one that is there cannot follow.
    this.#forgetPage = parts.watchPage({
      left: () => {
        this.#leave()
        this.#turn({ state: 'waiting', retryAt: null })
      },
      returned: () => this.#join(),
      shown () {},
      slept () {}
    })
    this.#join()
  }

  get lastEventId (): string { return this.#recent.lastEventId }

  hear (): void {}

  /** With an ID this tab goes on alone: where the others are is not its to say. */
  reconnect (lastEventId?: string): void {
    if (this.#status.state === 'closed') return
    if (lastEventId !== undefined && !this.#isAlone) this.#readAlone(lastEventId)
    else if (this.#source !== undefined) this.#source.reconnect(lastEventId)
    else this.#say({ kind: 'reconnect' })
  }

  close (): void {
    this.#end({ state: 'closed', reason: 'closed' })
  }

  get #isAlone (): boolean { return this.#source !== undefined && !this.#isLeader }

  #join (): void {
    const { signal } = this.#membership = new AbortController()
    this.#channel = new BroadcastChannel(this.#name)
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#told(data)
    this.#greet()
    const lead = async (): Promise<void> => {
      await this.#caughtUp()
      if (signal.aborted) return
      this.#lead()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    navigator.locks.request(this.#name, { signal }, lead).catch(() => {
      // Aborted: this tab has left.
    })
  }

  #greet (): void {
    this.#term = undefined
    clearTimeout(this.#patience)
    const { connectTimeout } = this.#options
    // Its leader may be a page that the browser has frozen.
    if (connectTimeout !== Infinity) this.#patience = setTimeout(() => this.#readAlone(this.lastEventId), connectTimeout)
    this.#say({ kind: 'hello', tab: this.#tab, lastEventId: this.lastEventId })
  }

  /** The lock may come before the last words of the leader before. */
  async #caughtUp (): Promise<void> {
    const { signal } = this.#membership
    await new Promise<void>((resolve) => {
      this.#echoed = resolve
      signal.addEventListener('abort', () => resolve())
      // A channel does not hear itself.
      const other = new BroadcastChannel(this.#name)
      other.postMessage({ kind: 'echo', tab: this.#tab } satisfies Message)
      other.close()
    })
  }

  #echoed = (): void => {}

  #lead (): void {
    const term = crypto.randomUUID()
    clearTimeout(this.#patience)
    this.#isLeader = true
    this.#term = term
    this.#ahead.clear()
    this.#source = this.#parts.open(this.lastEventId, {
      status: (status) => {
        if (this.#term !== term) return
        this.#say({ kind: 'status', term, status })
        this.#turn(status)
      },
      event: (event) => {
        if (this.#term !== term) return
        this.#say({ kind: 'event', term, event })
        this.#hear(event)
      },
      error: (error) => this.#listener.error(error)
    })
    this.#say({ kind: 'lead' })
  }

  #told (message: Message): void {
    switch (message.kind) {
      case 'lead': return this.#greet()
      case 'hello': return this.#welcome(message)
      case 'welcome': return message.tab === this.#tab ? this.#follow(message) : undefined
      case 'event': return message.term === this.#term ? this.#hear(message.event) : undefined
      case 'status': return message.term === this.#term ? this.#turn(message.status) : undefined
      case 'reconnect': return this.#source?.reconnect()
      case 'echo': return message.tab === this.#tab ? this.#echoed() : undefined
    }
  }

  #welcome ({ tab, lastEventId }: Extract<Message, { kind: 'hello' }>): void {
    if (!this.#isLeader || this.#term === undefined) return
    const missed = lastEventId === '' ? [] : this.#recent.after(lastEventId)
    this.#say({ kind: 'welcome', tab, term: this.#term, lastEventId: this.lastEventId, missed, status: this.#status })
  }

  #follow ({ term, lastEventId, missed, status }: Extract<Message, { kind: 'welcome' }>): void {
    clearTimeout(this.#patience)
    const ahead = missed === undefined ? this.#recent.after(lastEventId) : []
    if (ahead === undefined) return this.#readAlone(this.lastEventId)
    this.#term = term
    this.#ahead = new Set(ahead.map((event) => event.lastEventId))
    if (this.lastEventId === '') this.#recent = new RecentEvents(lastEventId)
    for (const event of missed ?? []) this.#hear(event)
    this.#turn(status)
  }

  #hear (event: ParsedEvent): void {
    const { type, lastEventId } = event
    const isOwn = type.startsWith('sse.')
    if (this.#ahead.has(lastEventId) && !isOwn) return
    if (!isOwn) this.#ahead.clear()
    if (type !== 'sse.close') this.#recent.add(event)
    this.#listener.event(event)
  }

  /** As if nothing were shared. */
  #readAlone (lastEventId: string): void {
    this.#leave()
    this.#forgetPage()
    this.#source = this.#parts.open(lastEventId, {
      status: (status) => this.#turn(status),
      event: (event) => this.#hear(event),
      error: (error) => this.#listener.error(error)
    })
  }

  #turn (status: Status): void {
    if (status.state === 'closed') return this.#end(status)
    if (this.#status.state === status.state && status.state !== 'waiting') return
    this.#status = status
    this.#listener.status(status)
  }

  #end (status: Status): void {
    if (this.#status.state === 'closed') return
    this.#status = status
    this.#leave()
    this.#forgetPage()
    this.#listener.status(status)
  }

  /** The lock goes to the next tab. */
  #leave (): void {
    clearTimeout(this.#patience)
    this.#term = undefined
    this.#isLeader = false
    this.#source?.close()
    this.#source = undefined
    this.#membership.abort()
    this.#channel.close()
  }

  #say (message: Message): void {
    if (!this.#membership.signal.aborted) this.#channel.postMessage(message)
  }
}
