import { setImmediate } from '../time/timers.ts'

// About as long as a slice of the pump: a stream takes a tenth of a millisecond to open, Fastify's part of that not counted.
const PER_TURN = 32

/**
 * Lets streams open a few in each turn of the event loop: Node hands over all requests that it finds in its sockets at once, thousands
 * where a proxy or this server was restarted, and those who are there would wait for all of them.
 */
export class OpeningQueue {
  readonly #waiting: Array<() => void> = []
  /** In this turn. */
  #passed = 0
  #scheduled = false

  /** First come, first served. @returns When it is its turn; undefined: at once. */
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
