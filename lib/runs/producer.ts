import type { Order } from '../broker/broker.ts'
import { draw, openSource, type Source, type Taker } from '../subscribers/stream-source.ts'
import { setImmediate } from '../time/timers.ts'
import type { ItemEncoder } from './item-encoder.ts'
import type { PublishBudget } from './publish-budget.ts'
import { itemChannels, itemRecord, type RunTerms } from './run-records.ts'
import type { RunEnd } from './run-status.ts'

// Sizes are lengths of texts, which cost nothing to find out.
// What a source gives in one turn of the event loop before its readers are served.
const LENGTH_PER_TURN = 64 * 1024
// What may wait for an answer of the broker. With a low bound each item would wait for one.
const MAX_UNANSWERED = 1024 * 1024
// What an item counts for beside its text, for the memory that it takes while it waits.
const OVERHEAD = 512

interface ProducerParts {
  readonly order: Order
  readonly terms: RunTerms
  readonly encoder: ItemEncoder
  readonly budget: PublishBudget
  /** The log of this process. */
  readonly log: { readonly head: number }
  /** The readers of this process. */
  readonly readers: {
    /** Waits until healthy readers have what was published; undefined if they have. */
    served (): Promise<void> | undefined
  }
  /** Called with the error of a source that failed. */
  failed (error: unknown): void
}

/** Draws the items of a run from its source, and publishes them. It does not know the readers. */
export class Producer implements Taker<unknown> {
  // What every item needs comes first, and without detours: with many runs, each object is a cache miss.
  readonly #order: Order
  readonly #log: ProducerParts['log']
  readonly #encoder: ItemEncoder
  readonly #channels: readonly string[]
  readonly #key: string
  readonly #lengthPerTurn: number
  #items = 0
  #ofTurn = 0
  #unanswered = 0
  #isStopped = false
  /** The first error of the broker, and the number of the item that it did not take. */
  #failure: { readonly error: unknown, readonly item: number } | undefined
  #goOn: () => void = () => {}
  readonly #parts: ProducerParts
  readonly #abort = new AbortController()

  constructor (parts: ProducerParts) {
    const { order, terms, encoder, log } = this.#parts = parts
    this.#order = order
    this.#log = log
    this.#encoder = encoder
    this.#channels = itemChannels(terms)
    this.#key = terms.key
    // A small run must not lose items that its readers have had no time to get.
    this.#lengthPerTurn = Math.min(LENGTH_PER_TURN, terms.maxBytes / 4)
  }

  /** The number of items published, up to the first one that the broker did not take. */
  get items (): number { return this.#failure === undefined ? this.#items : this.#failure.item - 1 }

  /** Called when there may be room for another item. */
  goOn (): void {
    this.#goOn()
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
      const isComplete = await draw(openSource(event, source, signal), signal, this)
      await this.#answered()
      if (this.#failure !== undefined) throw this.#failure.error
      return isComplete ? 'done' : undefined
    } catch (error) {
      // A source whose signal is aborted may well throw.
      if (this.#isStopped) return undefined
      this.#parts.failed(error)
      return 'failed'
    }
  }

  take (item: unknown): boolean | Promise<boolean> {
    const body = this.#encoder.encode(item)
    return this.#hasRoom ? this.#publish(body) : this.#publishLater(body)
  }

  returnFailed (error: unknown): void {
    this.#parts.failed(error)
  }

  async #publishLater (body: string): Promise<boolean> {
    while (!this.#hasRoom && this.#isExpected) {
      if (this.#parts.budget.isSpent) this.#parts.budget.waitForRoom(this)
      await this.#answer()
    }
    return this.#publish(body)
  }

  #publish (body: string): boolean | Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#isStopped) return false
    const size = body.length + OVERHEAD
    const item = ++this.#items
    const published = this.#order.publish(itemRecord(this.#channels, this.#key, item, body))
    // A broker of one process places an item within the call. Its promise says nothing new then, and does not reject.
    if (this.#log.head <= item) this.#await(published, item, size)
    this.#ofTurn += size
    return this.#ofTurn < this.#lengthPerTurn || this.#turn()
  }

  #await (published: Promise<unknown>, item: number, size: number): void {
    const { budget } = this.#parts
    this.#unanswered += size
    budget.spend(size)
    const settled = (): void => {
      this.#unanswered -= size
      budget.giveBack(size)
      this.#goOn()
    }
    published.then(settled, (error: unknown) => {
      if (this.#failure === undefined) this.#fail({ error, item })
      settled()
    })
  }

  /** Ends the source, which may never give another item. */
  #fail (failure: { readonly error: unknown, readonly item: number }): void {
    this.#failure = failure
    this.#abort.abort('failed' satisfies RunEnd)
  }

  get #hasRoom (): boolean { return this.#unanswered <= MAX_UNANSWERED && !this.#parts.budget.isSpent }

  /** True if further items are of use. */
  get #isExpected (): boolean { return this.#failure === undefined && !this.#isStopped }

  /** Waits until the broker has answered everything. */
  async #answered (): Promise<void> {
    while (this.#unanswered > 0 && this.#isExpected) await this.#answer()
  }

  #answer (): Promise<void> {
    return new Promise((resolve) => { this.#goOn = resolve })
  }

  /** Lets the event loop run, so that a source that never waits leaves time for its readers, and for everything else. */
  async #turn (): Promise<boolean> {
    this.#ofTurn = 0
    await new Promise((resolve) => { setImmediate(resolve) })
    await this.#parts.readers.served()
    return true
  }
}
