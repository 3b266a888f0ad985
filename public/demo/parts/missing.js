/** Counts the numbers that should have come between two others, and those that came twice. */
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

  /** The next number begins anew: a gap has been told, and is no loss in silence. */
  forget () {
    this.#last = undefined
  }
}
