import type { Token } from './engine.ts'

// More nodes than publish to one order within the time for which a record may wait to be sent again.
const MAX_PUBLISHERS = 1000

/** Recognises second copies: a record is sent again if a connection is lost before the answer. Each publisher's records come in the order of their counters. */
export class SeenPublishers {
  /** The highest counter of each publisher; the publisher that was seen last comes last. */
  readonly #counters = new Map<string, number>()
  #last: string | undefined

  /** Takes note of a record. @returns False if it is a copy of one that was seen before. */
  isNew ({ publisher, counter }: Token): boolean {
    const highest = this.#counters.get(publisher)
    if (highest !== undefined && counter <= highest) return false
    if (publisher !== this.#last) {
      this.#counters.delete(publisher)
      this.#last = publisher
    }
    this.#counters.set(publisher, counter)
    if (this.#counters.size > MAX_PUBLISHERS) this.#counters.delete(this.#counters.keys().next().value!)
    return true
  }
}
