import { now } from '../time/clock.ts'

/** The interval in milliseconds at which a node says that it is there. */
export const HERE_INTERVAL = 2500

// A node is forgotten when it has missed two of its messages, which may be late.
const FORGET_AFTER = 3 * HERE_INTERVAL

// A node that listens for so long has heard every node that is there, and has heard its own last message come back.
const IN_TIME = HERE_INTERVAL + 1000

/** The other nodes that are there. */
export class Members {
  /** By node: when it was last heard, in monotonic milliseconds. */
  readonly #heard = new Map<string, number>()
  /** Since when this node hears the others without a break. */
  #listensSince = Infinity
  /** When a message of this node has last come back. */
  #cameBackAt = -Infinity
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

  /** Takes note that a message of this node has come back. */
  cameBack (): void {
    this.#cameBackAt = now()
  }

  /** True if every node that is there has been heard. */
  get areKnown (): boolean { return now() - this.#listensSince > IN_TIME }

  /** Takes note whether the broker is up. Called about every second. Silence counts only while it is, and takes messages. */
  listens (isUp: boolean): void {
    // After a time in which this process stood still, messages of the others wait to be read.
    const stoodStill = now() - this.#askedAt > HERE_INTERVAL
    this.#askedAt = now()
    // An engine may be read and store nothing, such as a locked file. Then the others cannot say that they are there.
    if (!isUp || now() - this.#cameBackAt > IN_TIME) this.#listensSince = Infinity
    else if (this.#listensSince === Infinity || stoodStill) this.#listensSince = now()
  }

  /** True if a node has died or left: it was not heard for so long, although this node listens. */
  isGone (node: string): boolean {
    const heard = this.#heard.get(node) ?? -Infinity
    return now() - Math.max(heard, this.#listensSince) > FORGET_AFTER
  }
}
