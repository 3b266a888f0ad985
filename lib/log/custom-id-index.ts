import type { Entry } from './entry.ts'

/**
 * Finds kept entries by the ids that the application gave to their events.
 */
export class CustomIdIndex {
  /** The kept entries of each id, oldest first. */
  readonly #byId = new Map<string, Entry[]>()

  /** Finds the entry with an id; undefined if no entry has it, or if several have it, because the id is ambiguous then. */
  find (id: string): Entry | undefined {
    const entries = this.#byId.get(id)
    return entries?.length === 1 ? entries[0] : undefined
  }

  add (id: string, entry: Entry): void {
    const entries = this.#byId.get(id)
    if (entries === undefined) this.#byId.set(id, [entry])
    else entries.push(entry)
  }

  /** Removes the oldest entry of an id, which is the first of them that the log evicts. */
  removeOldest (id: string): void {
    const entries = this.#byId.get(id)!
    if (entries.length === 1) this.#byId.delete(id)
    else entries.shift()
  }
}
