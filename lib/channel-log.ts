import type { Entry } from './entry.ts'
import { EntryList } from './entry-list.ts'

/** What the log holds of one channel. */
export class ChannelLog {
  readonly name: string
  readonly entries = new EntryList()
  /** Views that show it. */
  views = 0
  /** The index after the newest kept entry that it ever had. */
  keptHead = 0
  /** The same of its ephemeral entries. */
  ephemeralHead = 0
  /** The index of its newest kept entry that was evicted; -1: none was. What was replaced was not evicted. */
  evictedKept = -1
  /** The same of its ephemeral entries. */
  evictedEphemeral = -1
  /** The offset of its newest kept entry that was evicted, or one that is higher. */
  evictedOffset: number
  #kept = 0
  /** The entry that each key stands for. */
  readonly #latest = new Map<string, Entry>()

  constructor (name: string, evictedOffset: number) {
    this.name = name
    this.evictedOffset = evictedOffset
  }

  /** Nobody hears it, and nobody could resume in it. */
  get isIdle (): boolean { return this.views === 0 && this.#kept === 0 }

  /** @returns The entry that this one replaces here. */
  append (entry: Entry): Entry | undefined {
    const replaced = entry.key === undefined ? undefined : this.#latest.get(entry.key)
    if (replaced !== undefined) this.#takeOut(replaced)
    if (entry.key !== undefined) this.#latest.set(entry.key, entry)
    this.entries.append(entry)
    if (entry.position === null) {
      this.ephemeralHead = entry.index + 1
    } else {
      this.keptHead = entry.index + 1
      this.#kept++
    }
    return replaced
  }

  evict (entry: Entry): void {
    if (!this.#takeOut(entry)) return
    if (entry.key !== undefined) this.#latest.delete(entry.key)
    if (entry.position === null) {
      this.evictedEphemeral = entry.index
    } else {
      this.evictedKept = entry.index
      this.evictedOffset = entry.position.offset
    }
  }

  /** Whether it has a kept entry from one index up to, not including, another. */
  hasKept (from: number, to: number): boolean {
    for (let slot = this.entries.slotOf(from); (slot = this.entries.present(slot)) < this.entries.end; slot++) {
      const { index, position } = this.entries.at(slot)
      if (index >= to) return false
      if (position !== null) return true
    }
    return false
  }

  #takeOut (entry: Entry): boolean {
    const wasHere = this.entries.remove(entry)
    if (wasHere && entry.position !== null) this.#kept--
    return wasHere
  }
}
