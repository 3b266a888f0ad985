import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import { TabGroup, type Message, type Welcome } from './tab-group.ts'
import type { PageListener } from '../connection/page-lifecycle.ts'
import { RecentEvents } from './recent-events.ts'
import type { Source, SourceListener } from '../connection/source.ts'
import type { Status } from '../connection/status.ts'

export interface SharingOptions {
  readonly url: string
  readonly withCredentials: boolean
  readonly lastEventId: string
  readonly share: boolean | string
  readonly connectTimeout: number
}

/** Handed in: what the main module has is not loaded twice. */
export interface SharingParts {
  readonly open: (lastEventId: string, listener: SourceListener) => Source
  readonly watchPage: (listener: PageListener) => () => void
}

// So much later a tab that has read something for itself asks to follow again.
const LATER = 1000

// So much later a leader that was behind a tab will have come to where that is.
const SOON = 250

/**
 * One stream for all tabs. The tab whose turn it is leads: it reads the stream, and tells the others. When it goes, the next one reads on
 * from its own last event. A tab whose last event the leader does not know, or that no leader answers, reads for itself for a while.
 */
export class SharedConnection implements Source {
  readonly #name: string
  readonly #options: SharingOptions
  readonly #parts: SharingParts
  readonly #listener: SourceListener
  readonly #tab = crypto.randomUUID()
  readonly #forgetPage: () => void
  #tabGroup: TabGroup
  #recent: RecentEvents
  #status: Status = { state: 'connecting' }
  /** The data of the last `sse.open`. It says which events are text, also to tabs that come later. */
  #opening: string | undefined
  /** The time of the leader that this tab follows, or is. */
  #term: string | undefined
  #isLeader = false
  /** Of the leader, or of a tab that reads for itself. */
  #source: Source | undefined
  #patience: ReturnType<typeof setTimeout> | undefined
  #again: ReturnType<typeof setTimeout> | undefined

  constructor (options: SharingOptions, parts: SharingParts, listener: SourceListener) {
    const { url, withCredentials, share, lastEventId } = options
    // The number is that of the messages: tabs that speak otherwise have a stream of their own.
    this.#name = `fastify-typed-sse 1 ${url} ${withCredentials}${share === true ? '' : ` ${share}`}`
    this.#options = options
    this.#parts = parts
    this.#listener = listener
    this.#recent = new RecentEvents(lastEventId)
    this.#tabGroup = this.#join()
    // A page that leads cannot go into the back/forward cache, and one that is there cannot follow.
    this.#forgetPage = parts.watchPage({
      left: () => {
        this.#leave()
        this.#setStatus({ state: 'waiting', reason: 'left', retryAt: null })
      },
      returned: () => this.#join(),
      shown: () => this.retryNow(),
      slept () {}
    })
  }

  get lastEventId (): string { return this.#recent.lastEventId }

  listenTo (): void {}

  /** With an ID this tab reads for itself first: where the others are is not its to say. */
  reconnect (lastEventId?: string): void {
    if (this.#status.state === 'closed') return
    if (lastEventId !== undefined) {
      this.#leave()
      this.#recent = new RecentEvents(lastEventId)
      this.#join()
      this.#readAlone()
    } else if (this.#source !== undefined) this.#source.reconnect()
    else this.#tabGroup.say({ kind: 'reconnect' })
  }

  retryNow (): void {
    if (this.#source !== undefined) this.#source.retryNow()
    else this.#tabGroup.say({ kind: 'hasten' })
  }

  close (): void {
    this.#end({ state: 'closed', reason: 'closed' })
  }

  #join (): TabGroup {
    this.#tabGroup = new TabGroup(this.#name, {
      told: (message) => this.#receive(message),
      lead: () => this.#lead(),
      refused: () => this.#readAlone()
    })
    this.#greet()
    return this.#tabGroup
  }

  #leave (): void {
    this.#isLeader = false
    this.#stopReading()
    this.#tabGroup.leave()
  }

  #greet (): void {
    if (this.#source === undefined) this.#bePatient(() => this.#readAlone())
    this.#hello()
  }

  #hello (): void {
    this.#ask(undefined)
    this.#tabGroup.say({ kind: 'hello', tab: this.#tab, lastEventId: this.lastEventId })
  }

  /** To follow, in so many milliseconds; undefined: not again. */
  #ask (wait: number | undefined): void {
    clearTimeout(this.#again)
    this.#again = wait === undefined ? undefined : setTimeout(() => this.#hello(), wait)
  }

  /** What the one before has still to say is of no interest any more. */
  #changeLeader (): void {
    if (!this.#isLeader) this.#term = undefined
    this.#greet()
  }

  /** A leader may be a page that stands still: frozen by the browser, or in a dialog. */
  #bePatient (atItsEnd: () => void): void {
    clearTimeout(this.#patience)
    this.#patience = setTimeout(atItsEnd, this.#options.connectTimeout)
  }

  #lead (): void {
    const term = crypto.randomUUID()
    this.#isLeader = true
    this.#read((message) => this.#tabGroup.say({ ...message, term }))
    this.#term = term
    this.#tabGroup.say({ kind: 'lead' })
    this.#setStatus({ state: 'connecting' })
  }

  #readAlone (): void {
    if (this.#isLeader) return
    this.#read(() => {})
    this.#setStatus({ state: 'connecting' })
  }

  #read (tell: (message: { kind: 'event', event: ParsedEvent } | { kind: 'status', status: Status }) => void): void {
    this.#stopReading()
    const source = this.#source = this.#parts.open(this.lastEventId, {
      status: (status) => {
        if (this.#source !== source) return
        tell({ kind: 'status', status })
        this.#setStatus(status)
      },
      event: (event) => {
        if (this.#source !== source) return
        // First: who hears it here may close this tab's.
        tell({ kind: 'event', event })
        this.#deliver(event)
      },
      began: (opening) => this.#listener.began(opening),
      error: (error) => this.#listener.error(error)
    })
  }

  #stopReading (): void {
    clearTimeout(this.#patience)
    this.#ask(undefined)
    const source = this.#source
    this.#source = this.#term = undefined
    source?.close()
  }

  #receive (message: Message): void {
    switch (message.kind) {
      case 'lead': return this.#changeLeader()
      case 'hello': return this.#welcome(message)
      case 'welcome': return message.tab === this.#tab ? this.#follow(message) : undefined
      case 'event': return this.#follows(message) ? this.#deliver(message.event) : undefined
      case 'status': return this.#follows(message) || this.#isOver(message) ? this.#setStatus(message.status) : undefined
      case 'reconnect': return this.#isLeader ? this.#source?.reconnect() : undefined
      case 'hasten': return this.#isLeader ? this.#source?.retryNow() : undefined
    }
  }

  #welcome ({ tab, lastEventId: since }: Extract<Message, { kind: 'hello' }>): void {
    if (!this.#isLeader || this.#term === undefined) return
    const missed = since === '' ? [] : this.#recent.after(since)
    this.#tabGroup.say({ kind: 'welcome', tab, term: this.#term, status: this.#status, lastEventId: this.lastEventId, since, missed, opening: this.#opening })
  }

  #follow (welcome: Welcome): void {
    const { term, lastEventId, status, opening } = welcome
    if (this.#isLeader || this.#follows(welcome)) return
    const missed = this.#recent.lacks(welcome)
    if (missed === undefined) return this.#cannotFollow(welcome)
    this.#stopReading()
    this.#term = term
    this.#bePatient(() => this.#greet())
    if (this.lastEventId === '') this.#recent = new RecentEvents(lastEventId)
    if (opening !== undefined) this.#listener.began(this.#opening = opening)
    for (const event of missed) {
      // Whoever heard the one before may have closed the stream, or gone elsewhere in it.
      if (this.#term === term) this.#deliver(event)
    }
    if (this.#term === term) this.#setStatus(status)
  }

  /** Not yet, where the leader is behind: what it has still to get would come twice to this tab. */
  #cannotFollow (welcome: Welcome): void {
    if (this.#source !== undefined) return
    if (!this.#recent.isAheadOf(welcome)) return this.#readAlone()
    this.#ask(SOON)
    this.#setStatus(welcome.status)
  }

  /** Whether it is said by the leader that this tab follows: who is alive, then. */
  #follows ({ term }: { readonly term: string }): boolean {
    if (!term || term !== this.#term || this.#isLeader) return false
    this.#bePatient(() => this.#greet())
    return true
  }

  /** The stream has ended for good, while this tab was about to follow. */
  #isOver ({ status }: Extract<Message, { kind: 'status' }>): boolean {
    return this.#term === undefined && this.#source === undefined && status?.state === 'closed'
  }

  #deliver (event: ParsedEvent): void {
    if (event.type !== 'sse.close') this.#recent.add(event)
    if (event.type === 'sse.open') this.#opening = event.data
    this.#listener.event(event)
    const isAlone = this.#source !== undefined && !this.#isLeader
    if (isAlone && this.#again === undefined) this.#ask(LATER)
  }

  #setStatus (status: Status): void {
    if (status.state === 'closed') return this.#end(status)
    if (this.#status.state === 'closed' || (this.#status.state === status.state && status.state !== 'waiting')) return
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
}
