import { Buffer } from 'node:buffer'
import { MAX_BATCH_BYTES } from '../cursor/batch-cache.ts'
import type { Merger } from '../schema/merger.ts'
import { encodeEvent } from '../wire/encode.ts'
import type { ItemPage } from './item-page.ts'

const LINE = '\ndata: '

/** Consecutive items of a page that become one event. */
export class ItemGroup {
  readonly #page: ItemPage
  readonly first: number
  readonly head: string
  /** The number after the last item. */
  end: number
  /** The size of the texts of the items. */
  bytes: number
  #merger: Merger | undefined
  /** The payload that stands for the items; undefined: it must be made again. */
  #payload: unknown

  /** @param first The number of the first item. */
  constructor (page: ItemPage, first: number) {
    this.#page = page
    this.first = first
    this.head = page.headOf(first)
    this.end = first + 1
    this.bytes = page.sizeOf(first)
  }

  /**
   * Adds the items that follow, as long as they merge.
   *
   * @param limit The number before which the group ends.
   * @param maxBytes The most bytes that the texts of the items may take.
   */
  extend (merger: Merger, limit: number, maxBytes: number): void {
    this.#merger = merger
    for (; this.end < limit && this.#page.headOf(this.end) === this.head; this.end++) {
      const bytes = this.bytes + this.#page.sizeOf(this.end)
      if (bytes > maxBytes) return
      const merged = this.#mergeNext(merger)
      // An attempt that was refused may have changed the payload before.
      if (merged === undefined) return void (this.#payload = undefined)
      this.#payload = merged
      this.bytes = bytes
    }
  }

  #mergeNext (merger: Merger): unknown {
    try {
      const older = this.end === this.first + 1 ? this.#parse(this.first) : this.#payload
      return merger.merge(older, this.#parse(this.end))
    } catch (error) {
      // Another version of the application may have encoded the item in another form.
      merger.failed(error)
      return undefined
    }
  }

  /** The events that stand for the items, each with the number of the last item that it stands for. */
  * bodies (): Generator<readonly [number: number, body: string], void, undefined> {
    const merged = this.end === this.first + 1 ? undefined : this.#merged()
    if (merged !== undefined) return yield [this.end - 1, merged]
    for (let number = this.first; number < this.end; number++) yield [number, `${this.head}${this.#page.textOf(number)}\n\n`]
  }

  /** The event that stands for all items; undefined if it would be too large, or has no JSON form. */
  #merged (): string | undefined {
    const { event, encode, failed } = this.#merger!
    try {
      const data = encode(this.#payload ?? this.#mergeAgain())
      return Buffer.byteLength(data) > MAX_BATCH_BYTES ? undefined : encodeEvent(event, data)
    } catch (error) {
      failed(error)
      return undefined
    }
  }

  #mergeAgain (): unknown {
    let payload = this.#parse(this.first)
    for (let number = this.first + 1; number < this.end; number++) payload = this.#merger!.merge(payload, this.#parse(number))
    return payload
  }

  #parse (number: number): unknown {
    return this.#merger!.parse(this.#page.textOf(number).replaceAll(LINE, '\n'))
  }
}
