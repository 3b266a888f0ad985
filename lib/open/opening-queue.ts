import { setImmediate } from '../time/timers.ts'

// This many take about as long as a slice of the pump: opening a stream takes a tenth of a millisecond, without Fastify's own part.
const PER_TURN = 32

/**
 * Limits how many streams open in one turn of the event loop, first come, first served.
 *
 * Node emits all requests that it finds in its sockets in one turn, thousands after a restart of a proxy or of this server. Streams that are
 * open already would wait for all of them.
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
