import { demandWithin, type EventEncoder } from '../publish/event-encoder.ts'

/** Validates and encodes the items of a run. */
export class ItemEncoder {
  readonly #encoder: EventEncoder
  readonly #event: string | undefined
  readonly #maxBytes: number

  /**
   * @param event The event type of every item; undefined: an item is `{ event, data }`.
   * @param maxBytes The memory that the items of the run may take.
   */
  constructor (encoder: EventEncoder, event: string | undefined, maxBytes: number) {
    this.#encoder = encoder
    this.#event = event
    this.#maxBytes = maxBytes
  }

  /**
   * Encodes an item.
   *
   * @returns The event in its wire form, without the `id` line.
   * @throws the errors of `EventEncoder.encode`.
   */
  encode (item: unknown): string {
    if (this.#event !== undefined) return this.#encode(this.#event, item)
    const { event, data } = Object(item) as { event: string, data: unknown }
    return this.#encode(event, data)
  }

  #encode (event: string, data: unknown): string {
    const body = this.#encoder.encode(event, data)
    demandWithin(event, body, 'runs.maxBytes', this.#maxBytes)
    return body
  }
}
