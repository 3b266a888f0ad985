/** What comes, for whoever asks for one after the other. It waits here until then, however much that is. */
export class Queue<T> implements AsyncIterableIterator<T, undefined> {
  readonly #left: () => void
  #waiting: T[] = []
  #asking: Array<(result: IteratorResult<T, undefined>) => void> = []
  #ended = false

  /** @param left The loop was left, or all has been taken. */
  constructor (left: () => void) {
    this.#left = left
  }

  push (value: T): void {
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
    if (this.#waiting.length > 0) return { value: this.#waiting.shift()!, done: false }
    if (this.#ended) return { value: undefined, done: true }
    return await new Promise((resolve) => this.#asking.push(resolve))
  }

  async return (): Promise<IteratorResult<T, undefined>> {
    this.#waiting = []
    this.end()
    this.#left()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator] (): this { return this }
}
