import { Buffer } from 'node:buffer'
import type { Order } from '../broker/broker.ts'
import { demandWithin } from '../publish/event-encoder.ts'
import { draw, openSource, type Source } from '../subscribers/stream-source.ts'
import { setImmediate } from '../time/timers.ts'
import { itemChannels, itemRecord, type RunTerms } from './run-records.ts'
import type { RunEnd } from './run-status.ts'

// The items that a source gives in one turn of the event loop before its readers are served.
const BYTES_PER_TURN = 64 * 1024
// The items that may wait for the broker. With a low bound each item would wait for an answer of the engine.
const MAX_UNANSWERED_BYTES = 1024 * 1024
// The memory that an item takes beside its text while it waits.
const OVERHEAD_BYTES = 512

interface ProducerParts {
  readonly order: Order
  readonly terms: RunTerms
  /** Validates and encodes an item. @returns The event type and the event in its wire form. */
  encode (item: unknown): readonly [event: string, body: string]
  /** Waits until healthy readers have what was published; undefined if they have. */
  served (): Promise<void> | undefined
  /** Called with the error of a source that failed. */
  failed (error: unknown): void
}

/** Draws the items of a run from its source, and publishes them. It does not know the readers. */
export class Producer {
  readonly #parts: ProducerParts
  readonly #channels: readonly string[]
  readonly #abort = new AbortController()
  /** The number of items published. */
  items = 0
  #bytesOfTurn = 0
  #unanswered = 0
  #goOn: () => void = () => {}
  #failure: { readonly error: unknown } | undefined

  constructor (parts: ProducerParts) {
    this.#parts = parts
    this.#channels = itemChannels(parts.terms)
  }

  /** Ends the source. @param reason The reason that its signal gets. */
  stop (reason: RunEnd): void {
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

  async #take (item: unknown): Promise<boolean> {
    const { order, terms: { key, maxBytes }, encode } = this.#parts
    const [event, body] = encode(item)
    const bytes = Buffer.byteLength(body) + OVERHEAD_BYTES
    demandWithin(event, bytes, 'runs.maxBytes', maxBytes)
    if (this.#unanswered + bytes > MAX_UNANSWERED_BYTES) await this.#answered(MAX_UNANSWERED_BYTES - bytes)
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#abort.signal.aborted) return false
    this.#unanswered += bytes
    order.publish(itemRecord(this.#channels, key, ++this.items, body)).then(() => this.#settled(bytes), (error: unknown) => {
      this.#failure ??= { error }
      this.#settled(bytes)
    })
    this.#bytesOfTurn += bytes
    if (this.#bytesOfTurn >= BYTES_PER_TURN) await this.#turn()
    return true
  }

  #settled (bytes: number): void {
    this.#unanswered -= bytes
    this.#goOn()
  }

  /** Waits until the broker has answered so that at most so many bytes wait for it. */
  async #answered (most: number): Promise<void> {
    while (this.#unanswered > Math.max(0, most) && this.#failure === undefined && !this.#abort.signal.aborted) {
      await new Promise<void>((resolve) => { this.#goOn = resolve })
    }
  }

  /** Lets the event loop run, so that a source that never waits leaves time for its readers, and for everything else. */
  async #turn (): Promise<void> {
    this.#bytesOfTurn = 0
    await new Promise((resolve) => { setImmediate(resolve) })
    await this.#parts.served()
  }
}
