import type { Declarations } from '../../lib/schema/declarations.ts'
import type { Gap } from '../../lib/wire/plugin-events.ts'
import { drawWait, HEALTHY, pause } from '../connection/backoff.ts'
import { parsed } from '../connection/connection.ts'
import type { ParsedEvent } from '../wire/event-stream-parser.ts'
import { report, type Settings } from './options.ts'
import type { AnyDeclarations, Payloads } from './payloads.ts'
import { createQueue, type Queue } from './queue.ts'
import { UnreadableEvent } from './unreadable-event.ts'
import type { Source, SourceListener } from '../connection/source.ts'
import { failureOf, type Status } from '../connection/status.ts'

/** The name and the ID of the event that a payload belongs to. */
export interface EventInfo<K extends string = string> {
  /** The name of the event. */
  readonly event: K
  /** The last event ID after this event; empty if there is none. */
  readonly id: string
}

type Listener = (...values: never[]) => void

/**
 * An event stream that reconnects by itself, with typed listeners for the declared events.
 *
 * @typeParam D The declaration of the events, as `typeof events`.
 * @typeParam P The payload types by event. The compiler compares streams by them: a stream is assignable to a stream of fewer events.
 * @see docs/client.md
 */
export class EventStream<D extends Declarations = AnyDeclarations, P = Payloads<D>> {
  /** Type information only; no such property exists at run time. */
  declare protected readonly gives?: P
  /** Keeps Vue from wrapping the stream in a proxy, which cannot reach private members. @internal */
  readonly __v_skip = true
  readonly #settings: Settings
  #source: Source
  /** The listeners by event. The empty name, which no event has, holds the listeners for statuses. */
  readonly #listeners = new Map<string, Set<Listener>>()
  #status: Status = { state: 'connecting' }
  /** The events whose data is text. Contains `undefined` if the server declares no events; data that is not JSON is then text, too. */
  #text: readonly unknown[]
  /** True while an `onGap` is set. */
  #loadsGaps = false

  /** @internal */
  constructor (settings: Settings, open: (listener: SourceListener, replace: (source: Source) => void) => Source) {
    this.#settings = settings
    this.#text = settings.text
    this.#source = open({
      status: (status) => this.#setStatus(status),
      event: (event) => this.#dispatch(event),
      began: (opening) => this.#learnText(opening),
      error: (error) => this.#report(error)
    }, (source) => { this.#source = source })
  }

  /** The absolute URL of the stream, without the last event ID. */
  get url (): string { return this.#settings.url }

  /** The current state of the stream. */
  get status (): Status { return this.#status }

  /** The ID of the last event that was dispatched, from which the next attempt resumes; empty if there is none. */
  get lastEventId (): string { return this.#source.lastEventId }

  /**
   * Adds a listener for an event. An error that a listener throws is reported to `onError`, and the stream continues.
   *
   * @param event The name of a declared event or of one of the plugin's own (`sse.*`).
   * @param listener Receives each payload, with the name and the ID of the event.
   * @returns A function that removes the listener.
   * @throws TypeError when `listener` is not a function.
   */
  on<K extends keyof P & string> (event: K, listener: (payload: P[K], info: EventInfo<K>) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError(`on "${event}": not a function`)
    this.#source.listenTo(event)
    return this.#listen(event, listener)
  }

  /**
   * Iterates over the payloads of an event, from this call until the stream is closed. Payloads wait until the loop takes them, without a
   * bound on their number. Leaving the loop does not close the stream.
   *
   * The loop ends when the page has closed the stream, or the server has ended it. It throws an Error with the status as `cause` when the stream
   * was closed for another reason: its source or run has failed, or its response was no event stream.
   */
  events<K extends keyof P & string> (event: K): AsyncIterableIterator<P[K], undefined> {
    return this.#queue((listener) => this.on(event, listener), true)
  }

  /** Adds a listener for changes of the status. @returns A function that removes the listener. */
  onStatus (listener: (status: Status) => void): () => void {
    return this.#listen('', listener)
  }

  /** Iterates over the current status and each later one, up to and including `closed`. */
  statuses (): AsyncIterableIterator<Status, undefined> {
    return this.#queue((listener) => this.onStatus(listener), false, this.#status)
  }

  /**
   * Loads the state of the page again after each `sse.gap`, then reconnects from the position of that state. Events that arrived while it
   * was loading arrive once more, so that a snapshot never hides them.
   *
   * A `load` that fails is reported and repeated after a wait within the bounds of `backoff`. A `load` within ten seconds of another also
   * waits.
   *
   * @param load Shows a snapshot and returns its position: the `app.sse.lastEventId` that the server read before it took the snapshot. Null,
   * as from a server without `history`: the stream continues without reconnecting.
   * @returns A function that removes `load`.
   * @throws TypeError when the stream already has an `onGap`: it can resume from the position of one snapshot only.
   */
  onGap (load: (gap: Gap) => Promise<string | null>): () => void {
    if (this.#loadsGaps) throw new TypeError('onGap: twice')
    let isOn = this.#loadsGaps = true
    let loads = 0
    /** Infinity while a load is running. */
    let loadedAt = 0
    const off = (this as unknown as EventStream).on('sse.gap', async (gap) => {
      // The server judges the position of the snapshot when the stream reconnects from it: a loss in the meantime is another gap.
      if (loadedAt === Infinity) return
      if (performance.now() - loadedAt >= HEALTHY) loads = 0
      loadedAt = Infinity
      let position: string | null | undefined
      while (position === undefined) {
        if (loads++ > 0) await pause(drawWait(this.#settings.backoff, loads - 2))
        if (!isOn || this.#isClosed) return
        try {
          position = await load(gap)
          if (position === undefined) throw new TypeError('onGap: no lastEventId')
        } catch (error) {
          this.#report(error)
        }
      }
      loadedAt = performance.now()
      if (isOn && position) this.reconnect(position)
    })
    return () => {
      isOn = this.#loadsGaps = false
      off()
    }
  }

  /**
   * Drops the present connection, or the wait for the next, and connects immediately. Does nothing on a closed stream.
   *
   * @param lastEventId The event ID to resume from, such as a snapshot's. Absent: the current one. Empty or null (the position that
   * a server without `history` gives): new events only.
   */
  reconnect (lastEventId?: string | null): void {
    this.#source.reconnect(lastEventId === null ? '' : lastEventId)
  }

  /** Closes the stream for good, whatever its state. */
  close (): void {
    this.#source.close()
  }

  get #isClosed (): boolean { return this.#status.state === 'closed' }

  /**
   * @param listen Adds a listener and returns a function that removes it.
   * @param throws True: the loop throws if the stream fails.
   */
  #queue<T> (listen: (listener: (value: T) => void) => () => void, throws: boolean, ...first: T[]): Queue<T> {
    const push = (value: T): void => queue.push(value)
    const end = (): void => { if (this.#isClosed) queue.end(throws ? failureOf(this.#status) : undefined) }
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

  /** @param isCurrent Returns false when an earlier listener has closed the stream or caused another status. */
  #notify (event: string, isCurrent: () => boolean, ...values: unknown[]): void {
    const listeners = this.#listeners.get(event)
    for (const listener of [...listeners ?? []]) {
      // An earlier listener may have removed this one.
      if (isCurrent() && listeners!.has(listener)) this.#call(() => listener(...values as never[]))
    }
  }

  #setStatus (status: Status): void {
    this.#status = status
    this.#notify('', () => this.#status === status, status)
  }

  /** @param opening The data of `sse.open`, which names the text events. A server without declared events has no such list. */
  #learnText (opening: string): void {
    this.#text = this.#settings.text.concat(parsed(opening).text as string[])
  }

  #dispatch (event: ParsedEvent): void {
    const { type, data, lastEventId: id } = event
    if (type === 'sse.open') this.#learnText(data)
    this.#call(() => this.#settings.observe(event))
    if (!this.#listeners.get(type)?.size || this.#isClosed) return
    let payload: unknown
    try {
      payload = this.#read(event)
    } catch (error) {
      return this.#report(error)
    }
    this.#notify(type, () => !this.#isClosed, payload, { event: type, id })
  }

  /** @returns The payload: text or parsed JSON. @throws UnreadableEvent when the data is not JSON, or the payload is invalid. */
  #read (event: ParsedEvent): unknown {
    const { type, data } = event
    let payload: unknown = data
    try {
      if (!this.#text.includes(type)) payload = JSON.parse(data)
    } catch (cause) {
      if (!this.#text.includes(undefined)) throw new UnreadableEvent(event, 'is neither JSON nor named in "text"', { cause })
    }
    let cause: unknown
    try {
      if (type.startsWith('sse.') || this.#settings.validate(type, payload)) return payload
    } catch (error) {
      cause = error
    }
    throw new UnreadableEvent(event, 'is invalid', { cause })
  }

  #call (listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#report(error)
    }
  }

  /** Passes an error to `onError`. An error that `onError` itself throws is reported as uncaught, and the stream continues. */
  #report (error: unknown): void {
    try {
      this.#settings.onError(error)
    } catch (failure) {
      report(failure)
    }
  }
}
