import { now } from '../time/clock.ts'

/** The interval in milliseconds at which a node says that it is there. */
export const HERE_INTERVAL = 2500

// A node is forgotten when it has missed two of its messages, which may be late.
const FORGET_AFTER = 3 * HERE_INTERVAL

/** The other nodes that are there. */
export class Members {
  /** By node: when it was last heard, in monotonic milliseconds. */
  readonly #heard = new Map<string, number>()
  /** Since when this node hears the others without a break. */
  #listensSince = Infinity
  /** When `listens` was called last. */
  #askedAt = -Infinity

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

  /** Takes note whether this node hears the others now. Called about every second. Silence counts only while it does. */
  listens (doesListen: boolean): void {
    // After a time in which this process stood still, messages of the others wait to be read.
    const stoodStill = now() - this.#askedAt > HERE_INTERVAL
    this.#askedAt = now()
    if (!doesListen) this.#listensSince = Infinity
    else if (this.#listensSince === Infinity || stoodStill) this.#listensSince = now()
  }

  /** True if a node has died or left: it was not heard for so long, although this node listens. */
  isGone (node: string): boolean {
    const heard = this.#heard.get(node) ?? -Infinity
    return now() - Math.max(heard, this.#listensSince) > FORGET_AFTER
  }
}
