import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import { groupNameOf, type SharingOptions } from './options.ts'
import { OwnSource } from './own-source.ts'
import { TabGroup, type Message, type Welcome } from './tab-group.ts'
import type { PageListener } from '../connection/page-lifecycle.ts'
import { RecentEvents } from './recent-events.ts'
import type { Source, SourceListener } from '../connection/source.ts'
import type { Status } from '../connection/status.ts'

/** The functions of the main module. Importing them here would load them twice. */
export interface SharingParts {
  readonly open: (lastEventId: string, listener: SourceListener) => Source
  readonly watchPage: (listener: PageListener) => () => void
}

// The wait, in milliseconds, of a tab that has read an event by itself, before it asks to follow again.
const FOLLOW_AGAIN_DELAY = 1000

// The wait, in milliseconds, of a tab that is ahead of its leader, before it asks to follow again.
const CATCH_UP_DELAY = 250

/**
 * One stream for all tabs. One tab leads: it reads the stream and passes everything on to the others. When it goes, the next leader resumes
 * from its own last event. A tab whose last event the leader does not know, or whose leader is silent, reads by itself for a while.
 */
export class SharedConnection implements Source {
  readonly #options: SharingOptions
  readonly #listener: SourceListener
  readonly #tab = crypto.randomUUID()
  readonly #forgetPage: () => void
  #tabGroup: TabGroup
  #recent: RecentEvents
  #status: Status = { state: 'connecting' }
  /** The data of the last `sse.open`, which names the text events. Tabs that join later need it, too. */
  #opening: string | undefined
  /** The term of the leader that this tab follows, or of this tab as the leader. */
  #term: string | undefined
  #isLeader = false
  readonly #own: OwnSource
  /** Fires when the leader has been silent for `connectTimeout`. */
  #patience: ReturnType<typeof setTimeout> | undefined
  /** Fires when this tab asks to follow again. */
  #again: ReturnType<typeof setTimeout> | undefined

  constructor (options: SharingOptions, parts: SharingParts, listener: SourceListener) {
    this.#options = options
    this.#own = new OwnSource(parts.open)
    this.#listener = listener
    this.#recent = new RecentEvents(options.lastEventId)
    this.#tabGroup = this.#join()
    // A page that leads cannot enter the back/forward cache, and a page in the cache cannot follow.
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

  /** With an ID, this tab reads by itself first: it must not change the position of the other tabs. */
  reconnect (lastEventId?: string): void {
    if (this.#status.state === 'closed') return
    if (lastEventId !== undefined) {
      this.#leave()
      this.#recent = new RecentEvents(lastEventId)
      this.#join()
      this.#readAlone()
    } else if (this.#own.isOpen) this.#own.reconnect()
    else this.#tabGroup.say({ kind: 'reconnect' })
  }

  retryNow (): void {
    if (this.#own.isOpen) this.#own.retryNow()
    else this.#tabGroup.say({ kind: 'hasten' })
  }

  close (): void {
    this.#end({ state: 'closed', reason: 'closed' })
  }

  #join (): TabGroup {
    this.#tabGroup = new TabGroup(groupNameOf(this.#options), {
      received: (message) => this.#receive(message),
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
    if (!this.#own.isOpen) this.#awaitLeader(() => this.#readAlone())
    this.#hello()
  }

  #hello (): void {
    this.#scheduleHello(undefined)
    this.#tabGroup.say({ kind: 'hello', tab: this.#tab, lastEventId: this.lastEventId })
  }

  /** @param wait Milliseconds until this tab asks to follow. Undefined: it does not ask again. */
  #scheduleHello (wait: number | undefined): void {
    clearTimeout(this.#again)
    this.#again = wait === undefined ? undefined : setTimeout(() => this.#hello(), wait)
  }

  /** Greets a new leader. Further messages of the previous one are ignored. */
  #changeLeader (): void {
    if (!this.#isLeader) this.#term = undefined
    this.#greet()
  }

  /** Gives the leader time for a message. Its page may stand still: frozen by the browser, or in a dialog. */
  #awaitLeader (onSilence: () => void): void {
    clearTimeout(this.#patience)
    this.#patience = setTimeout(onSilence, this.#options.connectTimeout)
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

  #read (publish: (message: { kind: 'event', event: ParsedEvent } | { kind: 'status', status: Status }) => void): void {
    this.#stopReading()
    this.#own.open(this.lastEventId, {
      status: (status) => {
        publish({ kind: 'status', status })
        this.#setStatus(status)
      },
      event: (event) => {
        // Other tabs first: a listener in this tab may close its stream.
        publish({ kind: 'event', event })
        this.#deliver(event)
      },
      began: (opening) => this.#listener.began(opening),
      error: (error) => this.#listener.error(error)
    })
  }

  #stopReading (): void {
    clearTimeout(this.#patience)
    this.#scheduleHello(undefined)
    this.#term = undefined
    this.#own.close()
  }

  #receive (message: Message): void {
    switch (message.kind) {
      case 'lead': return this.#changeLeader()
      case 'hello': return this.#welcome(message)
      case 'welcome': return message.tab === this.#tab ? this.#follow(message) : undefined
      case 'event': return this.#follows(message) ? this.#deliver(message.event) : undefined
      case 'status': return this.#follows(message) || this.#isOver(message) ? this.#setStatus(message.status) : undefined
      case 'reconnect': return this.#isLeader ? this.#own.reconnect() : undefined
      case 'hasten': return this.#isLeader ? this.#own.retryNow() : undefined
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
    this.#awaitLeader(() => this.#greet())
    if (this.lastEventId === '') this.#recent = new RecentEvents(lastEventId)
    if (opening !== undefined) this.#listener.began(this.#opening = opening)
    for (const event of missed) {
      // A listener may have closed the stream, or reconnected from another event.
      if (this.#term === term) this.#deliver(event)
    }
    if (this.#term === term) this.#setStatus(status)
  }

  /** Waits for a leader that is behind this tab, whose next events would arrive here twice. Otherwise reads alone. */
  #cannotFollow (welcome: Welcome): void {
    if (this.#own.isOpen) return
    if (!this.#recent.isAheadOf(welcome)) return this.#readAlone()
    this.#scheduleHello(CATCH_UP_DELAY)
    this.#setStatus(welcome.status)
  }

  /** Tells whether a message is from the leader that this tab follows. The message then also shows that the leader is alive. */
  #follows ({ term }: { readonly term: string }): boolean {
    if (!term || term !== this.#term || this.#isLeader) return false
    this.#awaitLeader(() => this.#greet())
    return true
  }

  /** Tells whether a message says that the stream has ended for good, while this tab was about to follow. */
  #isOver ({ status }: Extract<Message, { kind: 'status' }>): boolean {
    return this.#term === undefined && !this.#own.isOpen && status?.state === 'closed'
  }

  #deliver (event: ParsedEvent): void {
    if (event.type !== 'sse.close') this.#recent.add(event)
    if (event.type === 'sse.open') this.#opening = event.data
    this.#listener.event(event)
    const isAlone = this.#own.isOpen && !this.#isLeader
    if (isAlone && this.#again === undefined) this.#scheduleHello(FOLLOW_AGAIN_DELAY)
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
