import { randomUUID } from 'node:crypto'
import type { View } from './channels.ts'
import { textChunk, type Chunk } from './chunk.ts'
import type { CloseReason } from './close-reason.ts'
import type { ResponseWriter } from './response-writer.ts'

/** What your application knows of a subscriber. Augment it to type `subscriber.context`. */

export interface SubscriberContext {}

/** What was handed to the readers of this process. */
export interface Traffic {
  /** Events, times the subscribers that got them. */
  deliveries: number
  /** Bytes of event streams, without heads and transfer coding. */
  bytes: number
  /** How often a subscriber was told that entries were gone. */
  gaps: number
  /** Subscribers that began with entries from before they came. */
  replays: number
}

/** What a subscriber hands upward. */
export interface SubscriberOwner {
  readonly traffic: Traffic
  /** There is something to serve it with, and its reader takes it. */
  ready (subscriber: Subscriber): void
  /** It ended. Called once. */
  ended (subscriber: Subscriber, reason: CloseReason): void
}

/** Bytes for this subscriber alone, and the index that they stand before. */
interface Aside {
  readonly index: number
  readonly chunk: Chunk
}

/**
 * One open event stream: a cursor into the log, and the response that leads to its reader.
 */
export class Subscriber {
  /** Unique among all processes. */
  readonly id: string = randomUUID()
  /** What `subscribe` was given as `context`. */
  readonly context: SubscriberContext
  readonly #view: View
  readonly #owner: SubscriberOwner
  readonly #writer: ResponseWriter
  #cursor: number
  #asides: Aside[] = []
  /** The newest `retry` among them, perhaps served already. */
  #retry: Aside | undefined
  #lastEventId: string | null
  /** The index at which the stream ends, once somebody asked for that. */
  #endIndex = Infinity
  /** Why it ends or ended; undefined while it lives. */
  #reason: CloseReason | undefined
  #state: 'open' | 'pushed back' | 'ending' | 'closed' = 'open'
  // Built when first asked for: most subscribers live without.
  #abort: AbortController | undefined
  #closed: Promise<CloseReason> | undefined
  #resolveClosed: ((reason: CloseReason) => void) | undefined

  /**
   * Whether it stands in the pump's queue. The pump's to change; kept here so that asking costs nothing.
   *
   * @internal
   */
  queued = false

  /**
   * @param cursor Where it starts in the log.
   * @internal
   */
  constructor (view: View, owner: SubscriberOwner, writer: ResponseWriter, context: SubscriberContext, cursor: number) {
    this.#view = view
    this.#owner = owner
    this.#writer = writer
    this.context = context
    this.#cursor = cursor
    this.#lastEventId = view.idBefore(cursor)
  }

  /**
   * A stream that never opened: of HEAD, or of a reader that had left.
   *
   * @internal
   */
  static closed (view: View, context: SubscriberContext, cursor: number, reason: CloseReason): Subscriber {
    const subscriber = new Subscriber(view, NOBODY, NOWHERE, context, cursor)
    subscriber.#reason = reason
    subscriber.#state = 'closed'
    return subscriber
  }

  /** The complete list of channels it hears. */
  get channels (): readonly string[] { return this.#view.channels }

  /** The event ID up to which it was served; null where the stream has no ids. */
  get lastEventId (): string | null { return this.#lastEventId }

  /**
   * The index up to which it was served.
   *
   * @internal
   */
  get cursor (): number { return this.#cursor }

  /** Entries between its cursor and the head of the log. */
  get lag (): number { return this.#state === 'closed' ? 0 : this.#view.head - this.#cursor }

  /** Aborted when the stream ends, with the close reason as `signal.reason`. */
  get signal (): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#state === 'closed') this.#abort.abort(this.#reason)
    }
    return this.#abort.signal
  }

  /** Resolves with the close reason, once, when the stream has ended. Never rejects. */
  get closed (): Promise<CloseReason> {
    this.#closed ??= new Promise((resolve) => {
      if (this.#state === 'closed') resolve(this.#reason!)
      else this.#resolveClosed = resolve
    })
    return this.#closed
  }

  /** Ends the stream cleanly, after every entry that was placed before this call. Does nothing on a stream that ends already. */
  close (): void {
    this.end('ended')
  }

  /**
   * Takes the place at the head of the log for text that goes to this subscriber alone.
   *
   * @internal
   */
  tell (text: string): void {
    if (this.#reason !== undefined) return
    this.#asides.push({ index: this.#view.head, chunk: textChunk(text) })
    if (this.#state === 'open') this.#owner.ready(this)
  }

  /**
   * The same for a `retry` field. One that still waits is replaced: a reader that reads nothing must not cost more with each.
   *
   * @internal
   */
  tellRetry (text: string): void {
    if (this.#reason !== undefined) return
    this.#asides = this.#asides.filter((aside) => aside !== this.#retry)
    this.tell(text)
    this.#retry = this.#asides.at(-1)
  }

  /**
   * Ends the stream at its place in the order.
   *
   * @internal
   */
  end (reason: CloseReason): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#endIndex = this.#view.head
    if (this.#state === 'open') this.#owner.ready(this)
  }

  /**
   * Cuts the connection, whatever still waits.
   *
   * @internal
   */
  destroy (reason: CloseReason): void {
    if (this.#state === 'closed') return
    this.#reason = reason
    this.#state = 'ending'
    this.#writer.destroy()
  }

  /**
   * Its response closed, whoever closed it.
   *
   * @internal
   */
  responseClosed (): void {
    if (this.#state === 'closed') return
    // An end that was asked for but not reached: the reader was faster.
    if (this.#state !== 'ending') this.#reason = 'reader'
    this.#state = 'closed'
    this.#asides = []
    const reason = this.#reason!
    this.#abort?.abort(reason)
    this.#resolveClosed?.(reason)
    this.#owner.ended(this, reason)
  }

  /**
   * Whether `serve` would do something.
   *
   * @internal
   */
  get waiting (): boolean {
    return this.#state === 'open' && (this.#cursor < this.#view.head || this.#asides.length > 0 || this.#cursor >= this.#endIndex)
  }

  /**
   * Hands the next run to the socket: everything up to the head, to the next aside, or to the most that goes in one write.
   *
   * @returns The bytes written.
   * @internal
   */
  serve (): number {
    if (!this.waiting) return 0
    const aside = this.#asides[0]
    if (aside !== undefined && aside.index <= this.#cursor) {
      this.#asides.shift()
      return this.#write(aside.chunk)
    }
    if (this.#cursor >= this.#endIndex) {
      this.#state = 'ending'
      if (this.#reason === 'shutdown') this.#writer.endLast()
      else this.#writer.end()
      return 0
    }
    if (this.#cursor < this.#view.start) return this.#skip()
    const limit = Math.min(this.#view.head, aside?.index ?? Infinity, this.#endIndex)
    const run = this.#view.run(this.#cursor, limit)
    this.#cursor = run.next
    this.#lastEventId = run.lastEventId
    this.#owner.traffic.deliveries += run.events
    return this.#write(run.chunk)
  }

  /** Entries it had not been given were evicted: says so, and goes on with the oldest that is left. */
  #skip (): number {
    const oldest = this.#cursor = this.#view.start
    this.#lastEventId = this.#view.idBefore(oldest)
    this.#owner.traffic.gaps++
    return this.#write(textChunk(this.#view.gap(oldest, 'slow')))
  }

  #write (chunk: Chunk): number {
    this.#owner.traffic.bytes += chunk.plain.length
    if (!this.#writer.write(chunk)) {
      this.#state = 'pushed back'
      this.#writer.onceDrained(() => {
        if (this.#state !== 'pushed back') return
        this.#state = 'open'
        if (this.waiting) this.#owner.ready(this)
      })
    }
    return chunk.plain.length
  }
}

const NOBODY: SubscriberOwner = { traffic: { deliveries: 0, bytes: 0, gaps: 0, replays: 0 }, ready () {}, ended () {} }
const NOWHERE: ResponseWriter = { write: () => true, onceDrained () {}, end () {}, endLast () {}, destroy () {} }
