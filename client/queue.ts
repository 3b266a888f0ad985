/** What comes, for whoever asks for one after the other. It waits here until then, however much that is. */
export class Queue<T> implements AsyncIterableIterator<T, undefined> {
  /** Vue makes no proxy of what has this: private members would be out of reach. @internal */
  readonly __v_skip = true
  readonly #left: () => void
  #waiting: T[] = []
  /** How many of those were taken: to cut off each as it goes would move all the others. */
  #taken = 0
  #asking: Array<(result: IteratorResult<T, undefined>) => void> = []
  #ended = false

  /** @param left The loop was left. */
  constructor (left: () => void) {
    this.#left = left
  }

  push (value: T): void {
    if (this.#ended) return
    const ask = this.#asking.shift()
    if (ask === undefined) this.#waiting.push(value)
    else ask({ value, done: false })
  }

  /** Nothing more comes; what waits can still be taken. */
  end (): void {
    this.#ended = true
    for (const ask of this.#asking.splice(0)) ask({ value: undefined, done: true })
  }

  async next (): Promise<IteratorResult<T, undefined>> {
    if (this.#taken < this.#waiting.length) {
      const value = this.#waiting[this.#taken++]!
      if (this.#taken * 2 > this.#waiting.length) {
        this.#waiting.splice(0, this.#taken)
        this.#taken = 0
      }
      return { value, done: false }
    }
    if (this.#ended) return { value: undefined, done: true }
    return new Promise((resolve) => this.#asking.push(resolve))
  }

  async return (): Promise<IteratorResult<T, undefined>> {
    this.#waiting.length = this.#taken = 0
    this.end()
    this.#left()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator] (): this { return this }
}
