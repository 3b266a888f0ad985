/** The times of entries by the clock of the log. They rise, because entries are found by time. */
export class EntryTimes {
  readonly #now: () => number
  #newest = -Infinity

  /** @param now Returns the time of the log's clock in monotonic milliseconds. */
  constructor (now: () => number) {
    this.#now = now
  }

  /**
   * Computes the time of a new entry.
   *
   * @param broadcast The time of the broadcast by the wall clock of its node, which may differ from the one of this process.
   */
  of (broadcast: number): number {
    const age = Math.max(0, Date.now() - broadcast)
    this.#newest = Math.max(this.#newest, Math.trunc(this.#now() - age))
    return this.#newest
  }
}
