// 64 buckets for each doubling of the time: a value is known within 1.6 %.
const BITS = 6
const PER_DOUBLING = 2 ** BITS
/** The range ends at 2^31 microseconds, more than half an hour. */
const DOUBLINGS = 31 - BITS

export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Counts times in buckets whose width grows with the time, so that the memory depends neither on their number nor on their length. */
export class Histogram {
  readonly #buckets = new Uint32Array(PER_DOUBLING * (DOUBLINGS + 1))
  #count = 0
  #max = 0

  add (milliseconds: number): void {
    const microseconds = Math.max(0, Math.min(2 ** 31 - 1, milliseconds * 1000)) | 0
    const doubling = Math.max(0, 31 - BITS - Math.clz32(microseconds))
    this.#buckets[doubling * PER_DOUBLING + (microseconds >>> doubling)]!++
    this.#count++
    if (milliseconds > this.#max) this.#max = milliseconds
  }

  clear (): void {
    this.#buckets.fill(0)
    this.#count = this.#max = 0
  }

  get latency (): Latency {
    return { p50: this.#quantile(0.5), p99: this.#quantile(0.99), max: this.#max }
  }

  #quantile (share: number): number {
    let left = Math.ceil(this.#count * share)
    if (left === 0) return 0
    for (let index = 0; index < this.#buckets.length; index++) {
      left -= this.#buckets[index]!
      if (left <= 0) return Math.min(this.#max, upperEnd(index) / 1000)
    }
    return this.#max
  }
}

function upperEnd (index: number): number {
  const doubling = Math.max(0, Math.floor(index / PER_DOUBLING) - 1)
  return (index - doubling * PER_DOUBLING + 1) * 2 ** doubling
}
