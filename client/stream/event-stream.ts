import type { Declarations } from '../../lib/schema/declarations.ts'
import type { Gap } from '../../lib/wire/plugin-events.ts'
import { drawWait, HEALTHY, pause } from '../connection/backoff.ts'
import { parsed } from '../connection/connection.ts'
import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import { report, type Settings } from './options.ts'
import type { AnyDeclarations, Payloads } from './payloads.ts'
import { createQueue, type Queue } from './queue.ts'
import type { Source, SourceListener } from '../connection/source.ts'
import type { Status } from '../connection/status.ts'

/** What comes with a payload. */
export interface EventInfo<K extends string = string> {
  readonly event: K
  /** The last event ID after this event; empty where there is none. */
  readonly id: string
}

type Listener = (...told: never[]) => void

/** An event that was not dispatched: its data does not parse, or `validate` did not take it (then `cause` is what that threw). */
export class UnreadableEvent extends Error {
  override readonly name = 'UnreadableEvent'
  declare readonly event: string
  declare readonly id: string
  declare readonly data: string

  /** @internal */
  constructor ({ type, data, lastEventId }: ParsedEvent, problem: string, options?: ErrorOptions) {
    super(`Event "${type}" ${problem}`, options)
    this.event = type
    this.id = lastEventId
    this.data = data
  }
}

/**
 * An event stream that comes back, read by the events that it declares.
 *
 * @typeParam D The declaration, by `typeof`.
 * @typeParam P The payloads that readers get. Streams are compared by these: one stands for another of fewer events.
 */
export class EventStream<D extends Declarations = AnyDeclarations, P = Payloads<D>> {
  /** For the compiler alone, which compares the parameters of methods in both directions. */
  declare protected readonly gives?: P
  /** Vue makes no proxy of what has this: private members would be out of reach. @internal */
  readonly __v_skip = true
  readonly #settings: Settings
  #source: Source
  /** By event. No event has the empty name: those of statuses stand there. */
  readonly #listeners = new Map<string, Set<Listener>>()
  #status: Status = { state: 'connecting' }
  /** The events whose data is text; with undefined among them, all whose data is not JSON. */
  #text: readonly unknown[]
  /** There is an `onGap`. */
  #loadsGaps = false

  /** @internal */
  constructor (settings: Settings, open: (listener: SourceListener, replace: (source: Source) => void) => Source) {
    this.#settings = settings
    this.#text = settings.text
    this.#source = open({
      status: (status) => this.#setStatus(status),
      event: (event) => this.#dispatch(event),
      began: (opening) => this.#learn(opening),
      error: (error) => this.#report(error)
    }, (source) => { this.#source = source })
  }

  /** Absolute, without the last event ID. */
  get url (): string { return this.#settings.url }

  get status (): Status { return this.#status }

  /** That of the last event that was dispatched: where the next attempt goes on. */
  get lastEventId (): string { return this.#source.lastEventId }

  /**
   * Listens to an event. What a listener throws is reported, and the stream goes on.
   *
   * @returns what takes the listener off.
   */
  on<K extends keyof P & string> (event: K, listener: (payload: P[K], info: EventInfo<K>) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError(`on "${event}": no function`)
    this.#source.listenTo(event)
    return this.#listen(event, listener)
  }

  /**
   * The payloads of one event, from now on until the stream is closed. What comes faster than it is taken waits, in any number.
   * Leaving the loop ends the waiting, not the stream.
   */
  events<K extends keyof P & string> (event: K): AsyncIterableIterator<P[K], undefined> {
    return this.#queue((listener) => this.on(event, listener))
  }

  /**
   * Listens to what becomes of the stream, from the next change on.
   *
   * @returns what takes the listener off.
   */
  onStatus (listener: (status: Status) => void): () => void {
    return this.#listen('', listener)
  }

  /** The present status, then each change. Ends after `closed`. */
  statuses (): AsyncIterableIterator<Status, undefined> {
    return this.#queue((listener) => this.onStatus(listener), this.#status)
  }

  /**
   * Loads the state of the page again after each `sse.gap`, then reconnects from the position of that state. Events that arrived while it
   * was loading arrive once more, so that a snapshot never hides them.
   *
   * A `load` that fails is reported and repeated, after waits as `backoff` has them. So is one that follows another within ten seconds.
   *
   * @param load Shows a snapshot and returns its position: the `app.sse.lastEventId` that the server read before it took the snapshot. Null,
   * as from a server without `history`: the stream goes on as it is.
   * @returns A function that removes it.
   * @throws where the stream has one: of two snapshots, the stream can go on from the position of one only.
   */
  onGap (load: (gap: Gap) => Promise<string | null>): () => void {
    if (this.#loadsGaps) throw new TypeError('onGap: twice')
    let isOn = this.#loadsGaps = true
    let loads = 0
    /** Infinity: a load runs. */
    let loadedAt = 0
    const off = (this as unknown as EventStream).on('sse.gap', async (gap) => {
      // The server judges the position of the snapshot when the stream reconnects from it: a loss in the meantime is another gap.
      if (loadedAt === Infinity) return
      if (performance.now() - loadedAt >= HEALTHY) loads = 0
      loadedAt = Infinity
      let place: string | null | undefined
      while (place === undefined) {
        if (loads++ > 0) await pause(drawWait(this.#settings.backoff, loads - 2))
        if (!isOn || this.#isClosed) return
        try {
          place = await load(gap)
          if (place === undefined) throw new TypeError('onGap: lastEventId?')
        } catch (error) {
          this.#report(error)
        }
      }
      loadedAt = performance.now()
      if (isOn && place) this.reconnect(place)
    })
    return () => {
      isOn = this.#loadsGaps = false
      off()
    }
  }

  /**
   * Drops the present connection, or the wait for the next, and connects immediately. Does nothing on a closed stream.
   *
   * @param lastEventId The position to go on from, as of a snapshot. Absent: where the stream is. Empty, or null as from a server without
   * `history`: with what comes next.
   */
  reconnect (lastEventId?: string | null): void {
    this.#source.reconnect(lastEventId === null ? '' : lastEventId)
  }

  /** Ends it, in whatever state it is. For good. */
  close (): void {
    this.#source.close()
  }

  get #isClosed (): boolean { return this.#status.state === 'closed' }

  /** @param listen Adds a listener; returns what removes it. */
  #queue<T> (listen: (listener: (value: T) => void) => () => void, ...first: T[]): Queue<T> {
    const push = (value: T): void => queue.push(value)
    const end = (): void => { if (this.#isClosed) queue.end() }
    const offs = [listen(push), this.onStatus(end)]
    const queue = createQueue<T>(() => offs.forEach((off) => off()))
    first.forEach(push)
    end()
    return queue
  }

  #listen (event: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(event)
    if (listeners === undefined) this.#listeners.set(event, listeners = new Set())
    listeners.add(listener)
    return () => { listeners.delete(listener) }
  }

  /** @param isPresent Whether it is still to be told: an earlier listener may have closed the stream, or brought about the next status. */
  #tell (event: string, isPresent: () => boolean, ...told: unknown[]): void {
    const listeners = this.#listeners.get(event)
    for (const listener of [...listeners ?? []]) {
      // An earlier one may have taken it off.
      if (isPresent() && listeners!.has(listener)) this.#call(() => listener(...told as never[]))
    }
  }

  #setStatus (status: Status): void {
    this.#status = status
    this.#tell('', () => this.#status === status, status)
  }

  /** @param opening The data of `sse.open`. A server of which nothing is declared cannot name events there. */
  #learn (opening: string): void {
    this.#text = this.#settings.text.concat(parsed(opening).text as string[])
  }

  #dispatch (event: ParsedEvent): void {
    const { type, data, lastEventId: id } = event
    if (type === 'sse.open') this.#learn(data)
    this.#call(() => this.#settings.observe(event))
    if (!this.#listeners.get(type)?.size || this.#isClosed) return
    let payload: unknown
    try {
      payload = this.#read(event)
    } catch (error) {
      return this.#report(error)
    }
    this.#tell(type, () => !this.#isClosed, payload, { event: type, id })
  }

  /** @throws UnreadableEvent */
  #read (event: ParsedEvent): unknown {
    const { type, data } = event
    let payload: unknown = data
    let cause: unknown
    try {
      if (!this.#text.includes(type)) payload = JSON.parse(data)
    } catch (cause) {
      if (!this.#text.includes(undefined)) throw new UnreadableEvent(event, 'is not JSON, nor named in "text"', { cause })
    }
    try {
      if (type.startsWith('sse.') || this.#settings.validate(type, payload)) return payload
    } catch (error) {
      cause = error
    }
    throw new UnreadableEvent(event, 'does not validate', { cause })
  }

  #call (listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#report(error)
    }
  }

  /** A report that fails is reported, too: the stream goes on. */
  #report (error: unknown): void {
    try {
      this.#settings.onError(error)
    } catch (failure) {
      report(failure)
    }
  }
}
