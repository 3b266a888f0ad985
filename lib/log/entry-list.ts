import type { Entry } from './entry.ts'

// Below this, room for entries that are gone costs less than taking it back.
const FEW_SLOTS = 32

/**
 * Entries in the order of their indexes: appended at the end, found by bisection, taken out anywhere.
 *
 * What is taken out leaves its slot behind until half of them are empty, so taking out costs the same however many there are.
 */
export class EntryList {
  #entries: Entry[] = []
  /** The slot of the oldest entry. */
  #first = 0
  /** Those taken out whose slots are still here, after the first. */
  readonly #gone = new Set<Entry>()

  get size (): number { return this.#entries.length - this.#first - this.#gone.size }

  /** The oldest entry. */
  get first (): Entry | undefined { return this.#entries[this.#first] }

  /** @param entry Of a higher index than every one before. */
  append (entry: Entry): void {
    this.#entries.push(entry)
  }

  /** @returns Whether it was there. */
  remove (entry: Entry): boolean {
    const slot = this.seek((other) => other.index >= entry.index)
    if (this.#entries[slot] !== entry || this.#gone.has(entry)) return false
    this.#gone.add(entry)
    while (this.#gone.size > 0 && this.#gone.delete(this.#entries[this.#first]!)) this.#first++
    if (this.#entries.length > FEW_SLOTS && this.size < this.#entries.length / 2) this.#compact()
    return true
  }

  /** The slot of the first entry that passes, as every later one does. The entry there may be gone: `at` knows. */
  seek (passes: (entry: Entry) => boolean): number {
    let low = this.#first
    let high = this.#entries.length
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (passes(this.#entries[middle]!)) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The slot of the first entry at or after an index; `end` where there is none. */
  slotOf (index: number): number {
    // Most who ask are up to date.
    const newest = this.#entries.at(-1)
    if (newest === undefined || newest.index < index) return this.end
    return this.seek((entry) => entry.index >= index)
  }

  /** The slot after the last. */
  get end (): number { return this.#entries.length }

  /** The slot of the first entry that is still there, from a slot on; `end` where there is none. */
  present (slot: number): number {
    while (slot < this.#entries.length && this.#gone.has(this.#entries[slot]!)) slot++
    return slot
  }

  /** The newest entry that is still there, before a slot. */
  before (slot: number): Entry | undefined {
    while (--slot >= this.#first) {
      const entry = this.#entries[slot]!
      if (!this.#gone.has(entry)) return entry
    }
    return undefined
  }

  /** The slot from which on there are at most so many entries. */
  newest (count: number): number {
    if (this.size <= count) return this.#first
    if (this.#gone.size === 0) return this.end - count
    let slot = this.end
    for (let found = 0; found < count; slot--) if (!this.#gone.has(this.#entries[slot - 1]!)) found++
    return slot
  }

  /** The first entry that is still there at or after an index. */
  firstFrom (index: number): Entry | undefined {
    return this.#entries[this.present(this.slotOf(index))]
  }

  /** The most entries that there can be at or after an index: slots of entries that are gone count as well. */
  atMostFrom (index: number): number {
    return this.end - this.slotOf(index)
  }

  /** The entry of a slot before `end`. Slots hold until something is taken out. */
  at (slot: number): Entry {
    return this.#entries[slot]!
  }

  * [Symbol.iterator] (): Generator<Entry, void, undefined> {
    for (let slot = this.present(this.#first); slot < this.end; slot = this.present(slot + 1)) yield this.at(slot)
  }

  #compact (): void {
    this.#entries = this.#entries.filter((entry, slot) => slot >= this.#first && !this.#gone.has(entry))
    this.#gone.clear()
    this.#first = 0
  }
}
