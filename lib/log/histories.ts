/** The most earlier histories that are remembered. Only a subscriber whose socket has accepted nothing since still has an event ID of one. */
const MAX_EARLIER = 16

/** The histories that the indexes of a log belong to: the present one, and earlier ones that were lost. */
export class Histories {
  /** Oldest first; `from` is the first index of a history. */
  #histories: ReadonlyArray<{ readonly epoch: string, readonly from: number }>

  constructor (epoch: string) {
    this.#histories = [{ epoch, from: 0 }]
  }

  /** The epoch of the present history. */
  get epoch (): string { return this.#histories.at(-1)!.epoch }

  /** The first index of the present history. */
  get from (): number { return this.#histories.at(-1)!.from }

  /** Begins a history at an index. */
  begin (epoch: string, from: number): void {
    this.#histories = [...this.#histories.slice(-MAX_EARLIER), { epoch, from }]
  }

  /** Finds the epoch of an index. */
  epochAt (index: number): string {
    const present = this.#histories.at(-1)!
    if (index >= present.from) return present.epoch
    return (this.#histories.findLast(({ from }) => from <= index) ?? this.#histories[0]!).epoch
  }
}
