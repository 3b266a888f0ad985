import type { Test } from 'tap'
import type { SharingOptions } from '../../../client/sharing/options.ts'
import { SharedConnection } from '../../../client/sharing/sharing.ts'
import type { ParsedEvent } from '../../../client/wire/event-stream-parser.ts'
import type { PageListener } from '../../../client/connection/page-lifecycle.ts'
import type { Source, SourceListener } from '../../../client/connection/source.ts'
import type { Status } from '../../../client/connection/status.ts'

interface Waiting { readonly tab: number, readonly signal: AbortSignal, readonly grant: () => void }

export interface Tab<S extends Source> {
  readonly number: number
  readonly connection: SharedConnection
  readonly events: ParsedEvent[]
  readonly turns: Status[]
  readonly errors: unknown[]
  /** Openings of streams whose `sse.open` event the tab did not receive itself. */
  readonly openings: string[]
  /** Every source that the tab has opened, with the last event ID that it resumes from. */
  readonly sources: Array<S & { readonly from: string }>
  readonly page: PageListener
  /** True while the tab listens to the life cycle of its page. */
  readonly isWatched: () => boolean
}

interface TabOptions {
  readonly lastEventId?: string
  readonly connectTimeout?: number
  readonly share?: true | string
  readonly told?: (event: ParsedEvent) => void
  readonly turned?: (status: Status) => void
}

/**
 * A fake browser: the test delivers each message between tabs and grants the lock.
 *
 * A tab receives all messages in the order of posting. Two tabs may receive one message at different times.
 */
export class FakeTabs<S extends Source> {
  readonly #open: (from: string, listener: SourceListener) => S
  readonly #channels = new Set<Channel>()
  readonly #queues = new Map<number, Array<() => void>>()
  readonly #gone = new Set<number>()
  #waiting: Waiting[] = []
  #holder: number | undefined
  #current = 0
  readonly tabs: Array<Tab<S>> = []

  constructor (t: Test, open: (from: string, listener: SourceListener) => S) {
    this.#open = open
    this.install()
    const { BroadcastChannel } = globalThis
    const navigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
    t.teardown(() => {
      // A tab's timers would keep the test's process alive.
      for (const { connection } of this.tabs) connection.close()
      globalThis.BroadcastChannel = BroadcastChannel
      if (navigator === undefined) Reflect.deleteProperty(globalThis, 'navigator')
      else Object.defineProperty(globalThis, 'navigator', navigator)
    })
  }

  install (): void {
    const join = (name: string): Channel => {
      const channel: Channel = new Channel(name, this.#current, (data) => this.#post(channel, data), () => this.#channels.delete(channel))
      this.#channels.add(channel)
      return channel
    }
    Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { locks: { request: this.#request } } })
    globalThis.BroadcastChannel = function (name: string) { return join(name) } as unknown as typeof BroadcastChannel
  }

  /** Opens a tab and delivers nothing. */
  open ({ lastEventId = '', share = true, connectTimeout = 2 ** 31 - 1, told, turned }: TabOptions = {}): Tab<S> {
    const number = this.tabs.length
    const [events, turns, errors, sources]: [ParsedEvent[], Status[], unknown[], Array<S & { from: string }>] = [[], [], [], []]
    const openings: string[] = []
    let page!: PageListener
    let watched = true
    const options: SharingOptions = { url: 'http://localhost/events', withCredentials: false, share, lastEventId, connectTimeout }
    this.#current = number
    const connection = new SharedConnection(options, {
      open: (from, listener) => {
        const source = Object.assign(this.#open(from, listener), { from })
        sources.push(source)
        return source
      },
      watchPage (listener) {
        page = listener
        return () => { watched = false }
      }
    }, {
      event (event) {
        events.push(event)
        told?.(event)
      },
      status (status) {
        turns.push(status)
        turned?.(status)
      },
      began: (opening) => openings.push(opening),
      error: (error) => errors.push(error)
    })
    const tab = { number, connection, events, turns, errors, openings, sources, page, isWatched: () => watched }
    this.tabs.push(tab)
    return tab
  }

  /** Posts a message to all tabs, as other code of their origin may do. */
  say (name: string, data: unknown): void {
    const other = new Channel(name, -1, (data) => this.#post(other, data), () => {})
    other.postMessage(data)
  }

  /** Names of the open channels. */
  get names (): string[] { return [...new Set(Array.from(this.#channels, ({ name }) => name))] }

  /** Runs an action inside a tab. */
  async in (tab: Tab<S>, action: () => void): Promise<void> {
    this.#current = tab.number
    action()
    await settled()
  }

  /** Crashes a tab: the tab posts no last message. */
  async kill (tab: Tab<S>): Promise<void> {
    this.#gone.add(tab.number)
    this.#queues.delete(tab.number)
    this.#waiting = this.#waiting.filter(({ tab: waiting }) => waiting !== tab.number)
    if (this.#holder === tab.number) this.#holder = undefined
    for (const channel of this.#channels) if (channel.tab === tab.number) this.#channels.delete(channel)
    for (const source of tab.sources) source.close()
    await settled()
  }

  isGone ({ number }: Tab<S>): boolean { return this.#gone.has(number) }

  /** Tabs with undelivered messages. */
  get addressees (): Array<Tab<S>> { return this.tabs.filter(({ number }) => (this.#queues.get(number)?.length ?? 0) > 0) }

  get canGrant (): boolean { return this.#holder === undefined && this.#waiting.length > 0 }

  /** Delivers the next message to a tab. */
  async deliver ({ number }: Tab<S>): Promise<void> {
    this.#current = number
    this.#queues.get(number)?.shift()?.()
    await settled()
  }

  /** Grants the lock to the tab that has waited longest. */
  async grant (): Promise<void> {
    const next = this.#waiting.shift()
    if (next === undefined || this.#holder !== undefined) throw new Error('nobody to give the lock to')
    this.#holder = this.#current = next.tab
    next.grant()
    await settled()
  }

  /** Delivers all messages and grants the lock until the tabs are at rest. */
  async settle (): Promise<void> {
    for (let turn = 0; turn < 10_000; turn++) {
      await settled()
      if (this.canGrant) await this.grant()
      const [next] = this.addressees
      if (next !== undefined) await this.deliver(next)
      else if (!this.canGrant) return
    }
    throw new Error('the tabs talk for ever')
  }

  readonly #request = (_name: string, { signal }: { signal: AbortSignal }, action: () => Promise<void>): Promise<void> => {
    const tab = this.#current
    return new Promise((resolve, reject) => {
      const grant = (): void => {
        action().then(resolve, reject).finally(() => { if (this.#holder === tab) this.#holder = undefined })
      }
      const one = { tab, signal, grant }
      this.#waiting.push(one)
      signal.addEventListener('abort', () => {
        if (!this.#waiting.includes(one)) return
        this.#waiting = this.#waiting.filter((other) => other !== one)
        reject(signal.reason)
      })
    })
  }

  #post (from: Channel, data: unknown): void {
    if (this.#gone.has(from.tab)) return
    for (const to of this.#channels) {
      if (to === from || to.name !== from.name) continue
      const copy = structuredClone(data)
      const queue = this.#queues.get(to.tab) ?? []
      this.#queues.set(to.tab, queue)
      queue.push(() => { if (this.#channels.has(to)) to.dispatchEvent(Object.assign(new Event('message'), { data: copy })) })
    }
  }
}

class Channel extends EventTarget {
  readonly name: string
  readonly tab: number
  readonly #post: (data: unknown) => void
  readonly #left: () => void
  #isClosed = false

  constructor (name: string, tab: number, post: (data: unknown) => void, left: () => void) {
    super()
    this.name = name
    this.tab = tab
    this.#post = post
    this.#left = left
  }

  // eslint-disable-next-line accessor-pairs -- the code under test only assigns it
  set onmessage (handle: (event: Event) => void) { this.addEventListener('message', handle) }

  postMessage (data: unknown): void {
    if (this.#isClosed) throw new DOMException('the channel is closed', 'InvalidStateError')
    this.#post(data)
  }

  close (): void {
    this.#isClosed = true
    this.#left()
  }
}

async function settled (): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
