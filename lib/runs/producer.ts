import { Buffer } from 'node:buffer'
import type { Order } from '../broker/broker.ts'
import { demandWithin } from '../publish/event-encoder.ts'
import { draw, openSource, type Source } from '../subscribers/stream-source.ts'
import { setImmediate } from '../time/timers.ts'
import { itemChannels, itemRecord, type RunTerms } from './run-records.ts'
import type { RunEnd } from './run-status.ts'

// Sizes are lengths of texts, which cost nothing to find out.
// What a source gives in one turn of the event loop before its readers are served.
const LENGTH_PER_TURN = 64 * 1024
// What may wait for the broker. With a low bound each item would wait for an answer of the engine.
const MAX_UNANSWERED = 1024 * 1024
// What an item counts for beside its text, for the memory that it takes while it waits.
const OVERHEAD = 512

interface ProducerParts {
  readonly order: Order
  readonly terms: RunTerms
  /** Returns the event type of an item. */
  eventOf (item: unknown): string
  /** Validates and encodes an item. @returns The event in its wire form. */
  encode (item: unknown): string
  /** True if an item is in the log of this process. @param number The number of the item. */
  isPlaced (number: number): boolean
  /** Waits until healthy readers have what was published; undefined if they have. */
  served (): Promise<void> | undefined
  /** Called with the error of a source that failed. */
  failed (error: unknown): void
}

/** Draws the items of a run from its source, and publishes them. It does not know the readers. */
export class Producer {
  readonly #parts: ProducerParts
  readonly #channels: readonly string[]
  readonly #lengthPerTurn: number
  readonly #abort = new AbortController()
  /** The number of items published. */
  items = 0
  #ofTurn = 0
  #unanswered = 0
  #isStopped = false
  #goOn: () => void = () => {}
  #failure: { readonly error: unknown } | undefined

  constructor (parts: ProducerParts) {
    this.#parts = parts
    this.#channels = itemChannels(parts.terms)
    // A small run must not lose items that its readers have had no time to get.
    this.#lengthPerTurn = Math.min(LENGTH_PER_TURN, parts.terms.maxBytes / 4)
  }

  /** Ends the source. @param reason The reason that its signal gets. */
  stop (reason: RunEnd): void {
    this.#isStopped = true
    this.#abort.abort(reason)
    this.#goOn()
  }

  /**
   * Publishes everything that a source gives.
   *
   * @param event The event of every item, for errors.
   * @returns How the run ends. Undefined if it was stopped.
   */
  async produce (event: string, source: Source<unknown>): Promise<'done' | 'failed' | undefined> {
    const { signal } = this.#abort
    try {
      const isComplete = await draw(openSource(event, source, signal), signal, (item) => this.#take(item), this.#parts.failed)
      await this.#answered(0)
      if (this.#failure !== undefined) throw this.#failure.error
      return isComplete ? 'done' : undefined
    } catch (error) {
      // A source whose signal is aborted may well throw.
      if (signal.aborted) return undefined
      this.#parts.failed(error)
      return 'failed'
    }
  }

  #take (item: unknown): boolean | Promise<boolean> {
    const { maxBytes } = this.#parts.terms
    const body = this.#parts.encode(item)
    // A UTF-16 code unit takes at most three bytes, so most items need not be measured.
    if (3 * body.length > maxBytes) demandWithin(this.#parts.eventOf(item), Buffer.byteLength(body), 'runs.maxBytes', maxBytes)
    return this.#unanswered > MAX_UNANSWERED ? this.#publishLater(body) : this.#publish(body)
  }

  async #publishLater (body: string): Promise<boolean> {
    await this.#answered(MAX_UNANSWERED)
    return this.#publish(body)
  }

  #publish (body: string): boolean | Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#isStopped) return false
    const size = body.length + OVERHEAD
    const { order, terms: { key }, isPlaced } = this.#parts
    const published = order.publish(itemRecord(this.#channels, key, ++this.items, body))
    // A broker of one process places an item within the call. Its promise says nothing new then, and does not reject.
    if (!isPlaced(this.items)) this.#await(published, size)
    this.#ofTurn += size
    return this.#ofTurn < this.#lengthPerTurn || this.#turn()
  }

  #await (published: Promise<unknown>, size: number): void {
    this.#unanswered += size
    const settled = (): void => {
      this.#unanswered -= size
      this.#goOn()
    }
    published.then(settled, (error: unknown) => {
      this.#failure ??= { error }
      settled()
    })
  }

  /** Waits until the broker has answered so that at most so much waits for it. */
  async #answered (most: number): Promise<void> {
    while (this.#unanswered > most && this.#failure === undefined && !this.#isStopped) {
      await new Promise<void>((resolve) => { this.#goOn = resolve })
    }
  }

  /** Lets the event loop run, so that a source that never waits leaves time for its readers, and for everything else. */
  async #turn (): Promise<boolean> {
    this.#ofTurn = 0
    await new Promise((resolve) => { setImmediate(resolve) })
    await this.#parts.served()
    return true
  }
}
