import { now } from '../time/clock.ts'

/** The interval in milliseconds at which a node says that it is there. */
export const HERE_INTERVAL = 4000

// A node is forgotten when it has missed two of its messages, which may be late.
const FORGET_AFTER = 2.5 * HERE_INTERVAL

/** The other nodes that are there. */
export class Members {
  /** By node: when it was last heard, in monotonic milliseconds. */
  readonly #heard = new Map<string, number>()

  /** The names of the nodes that were heard lately. */
  get present (): string[] {
    const oldest = now() - FORGET_AFTER
    for (const [node, heard] of this.#heard) if (heard < oldest) this.#heard.delete(node)
    return [...this.#heard.keys()]
  }

  heard (node: string): void {
    this.#heard.set(node, now())
  }

  left (node: string): void {
    this.#heard.delete(node)
  }
}
