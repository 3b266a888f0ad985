/** Counts the skipped and the repeated numbers of a series that should be consecutive. */
export class Missing {
  #last
  #missing = 0
  #output

  constructor (output) {
    this.#output = output
  }

  look (number) {
    if (this.#last !== undefined) this.#missing += Math.abs(number - this.#last - 1)
    this.#last = number
    this.#output.textContent = String(this.#missing)
  }

  /** Starts a new series with the next number, after a gap that the server has reported. */
  forget () {
    this.#last = undefined
  }
}
