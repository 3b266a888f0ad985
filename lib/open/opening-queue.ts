import { setImmediate } from '../time/timers.ts'

// Opening this many streams takes about as long as a slice of the pump: a tenth of a millisecond each, without Fastify's own part.
const PER_TURN = 32

/**
 * Limits how many streams open in one turn of the event loop, first come, first served.
 *
 * Node emits all requests that it finds in its sockets in one turn, thousands after a restart of a proxy or of this server. Open streams
 * would otherwise wait for all of them.
 */
export class OpeningQueue {
  readonly #waiting: Array<() => void> = []
  /** The number of streams that have passed in this turn. */
  #passed = 0
  #scheduled = false

  /** Takes a place in the queue. @returns A promise that resolves when the stream may open; undefined if it may open immediately. */
  pass (): Promise<void> | undefined {
    this.#schedule()
    if (this.#passed < PER_TURN) {
      this.#passed++
      return undefined
    }
    return new Promise((resolve) => { this.#waiting.push(resolve) })
  }

  #schedule (): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#turn())
  }

  #turn (): void {
    this.#scheduled = false
    const next = this.#waiting.splice(0, PER_TURN)
    this.#passed = next.length
    for (const pass of next) pass()
    if (this.#passed > 0) this.#schedule()
  }
}
