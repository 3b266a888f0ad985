import type { Entry } from './entry.ts'

// Lists up to this length are not compacted, because their empty slots cost less than compacting.
const FEW_SLOTS = 32

/**
 * A list of entries in the order of their indexes: entries are appended at the end, found by bisection, and removed anywhere.
 *
 * A removed entry leaves an empty slot. The list is compacted when more than half of its slots are empty, so the cost per removal does not
 * grow with its length. A slot number is valid until the next removal.
 */
export class EntryList {
  #entries: Entry[] = []
  /** The slot of the oldest entry. */
  #first = 0
  /** The entries of the empty slots after `#first`. */
  readonly #removed = new Set<Entry>()

  /** The number of entries that are present. */
  get size (): number { return this.#entries.length - this.#first - this.#removed.size }

  /** The oldest entry; undefined if the list is empty. */
  get first (): Entry | undefined { return this.#entries[this.#first] }

  /** Appends an entry. @param entry An entry with a higher index than all before it. */
  append (entry: Entry): void {
    this.#entries.push(entry)
  }

  /** Removes an entry. @returns True if it was present. */
  remove (entry: Entry): boolean {
    const slot = this.seek((other) => other.index >= entry.index)
    if (this.#entries[slot] !== entry || this.#removed.has(entry)) return false
    this.#removed.add(entry)
    while (this.#removed.size > 0 && this.#removed.delete(this.#entries[this.#first]!)) this.#first++
    if (this.#entries.length > FEW_SLOTS && this.size < this.#entries.length / 2) this.#compact()
    return true
  }

  /**
   * Finds the first entry that passes a test, by bisection.
   *
   * @param passes A test that every entry after the first match passes too.
   * @returns The slot; `end` if no entry passes. The slot may be empty: `present` skips empty slots.
   */
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

  /**
   * Finds the first entry at or after an index.
   *
   * @returns The slot; `end` if there is no such entry. The slot may be empty.
   */
  slotOf (index: number): number {
    // Most callers are up to date.
    const newest = this.#entries.at(-1)
    if (newest === undefined || newest.index < index) return this.end
    return this.seek((entry) => entry.index >= index)
  }

  /** The slot after the last one. */
  get end (): number { return this.#entries.length }

  /** Finds the first slot at or after a given one that is not empty; `end` if there is none. */
  present (slot: number): number {
    while (slot < this.#entries.length && this.#removed.has(this.#entries[slot]!)) slot++
    return slot
  }

  /** Finds the newest entry before a slot; undefined if there is none. */
  before (slot: number): Entry | undefined {
    while (--slot >= this.#first) {
      const entry = this.#entries[slot]!
      if (!this.#removed.has(entry)) return entry
    }
    return undefined
  }

  /** Finds the slot from which the newest `count` entries follow, or all entries if there are fewer. The slot may be empty. */
  newest (count: number): number {
    if (this.size <= count) return this.#first
    if (this.#removed.size === 0) return this.end - count
    let slot = this.end
    for (let found = 0; found < count; slot--) if (!this.#removed.has(this.#entries[slot - 1]!)) found++
    return slot
  }

  /** Finds the first entry at or after an index; undefined if there is none. */
  firstFrom (index: number): Entry | undefined {
    return this.#entries[this.present(this.slotOf(index))]
  }

  /** Computes an upper bound of the number of entries at or after an index. Empty slots count too. */
  atMostFrom (index: number): number {
    return this.end - this.slotOf(index)
  }

  /** Returns the entry in a slot. @param slot A slot before `end` that is not empty. */
  at (slot: number): Entry {
    return this.#entries[slot]!
  }

  * [Symbol.iterator] (): Generator<Entry, void, undefined> {
    for (let slot = this.present(this.#first); slot < this.end; slot = this.present(slot + 1)) yield this.at(slot)
  }

  #compact (): void {
    this.#entries = this.#entries.filter((entry, slot) => slot >= this.#first && !this.#removed.has(entry))
    this.#removed.clear()
    this.#first = 0
  }
}
