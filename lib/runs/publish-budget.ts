// Less than brokers let wait, broadcasts included. Sizes are lengths of texts, which cost nothing to find out.
const MAX_UNANSWERED = 16 * 1024 * 1024

/** What waits for room. */
interface Waiting {
  goOn (): void
}

/** What the runs of a process have published, and the engine has not answered yet. */
export class PublishBudget {
  #unanswered = 0
  readonly #waiting = new Set<Waiting>()

  /** True if nothing should be published before an answer has come. */
  get isSpent (): boolean { return this.#unanswered > MAX_UNANSWERED }

  spend (size: number): void {
    this.#unanswered += size
  }

  giveBack (size: number): void {
    this.#unanswered -= size
    if (this.isSpent || this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const one of waiting) one.goOn()
  }

  /** Calls `goOn` once there is room. */
  waitForRoom (waiting: Waiting): void {
    this.#waiting.add(waiting)
  }
}
