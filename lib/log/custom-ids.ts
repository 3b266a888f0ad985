import type { Entry } from './entry.ts'

/**
 * Finds a kept entry by the event ID that the application gave it.
 */
export class CustomIds {
  /** Oldest first. */
  readonly #byName = new Map<string, Entry[]>()

  /** @returns Undefined where several have this name: it names no place then. */
  find (name: string): Entry | undefined {
    const entries = this.#byName.get(name)
    return entries?.length === 1 ? entries[0] : undefined
  }

  add (name: string, entry: Entry): void {
    const entries = this.#byName.get(name)
    if (entries === undefined) this.#byName.set(name, [entry])
    else entries.push(entry)
  }

  /** Entries leave the log in the order in which they came. */
  removeOldest (name: string): void {
    const entries = this.#byName.get(name)!
    if (entries.length === 1) this.#byName.delete(name)
    else entries.shift()
  }
}
