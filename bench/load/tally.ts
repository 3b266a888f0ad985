import type { Body } from './body.ts'
import { now } from './clock.ts'
import { Histogram } from './histogram.ts'
import type { Counts, Crowd } from './messages.ts'
import { Numbers } from './numbers.ts'

/** The counts of the readers of a crowd. */
export class Tally implements Body {
  cut = 0
  readonly #numbers: Numbers
  readonly #latency = new Histogram()
  readonly #onTurn: () => void
  #now = 0
  #wire = 0
  #reads = 0
  #lastAt = 0
  #turn = 0
  #turnFrom = 0

  constructor ({ readers, bytes, times }: Crowd, onTurn: () => void) {
    this.#onTurn = onTurn
    this.#numbers = new Numbers(readers, bytes, (publishedAt) => this.#latency.add(this.#now - publishedAt))
    this.#numbers.readsTimes = times
  }

  /** Counts a read. Call this before `read` receives its bytes. */
  arrived (bytes: number): void {
    this.#reads++
    this.#wire += bytes
  }

  read (reader: number, buffer: Uint8Array, start: number, end: number): void {
    const before = this.#numbers.delivered
    this.#now = now()
    this.#numbers.read(reader, buffer, start, end)
    if (this.#numbers.delivered === before) return
    this.#lastAt = this.#now
    if (this.#turn === 0 || this.#arrived - this.#turnFrom < this.#turn) return
    this.#turnFrom += this.#turn
    this.#onTurn()
  }

  get #arrived (): number {
    return this.#numbers.delivered - this.#numbers.doubles
  }

  turns (size: number): void {
    this.#turn = size
    this.#turnFrom = this.#arrived
  }

  begin (): void {
    this.#numbers.begin()
    this.#latency.clear()
    this.#wire = this.#reads = this.#lastAt = this.#turnFrom = 0
  }

  get counts (): Counts {
    const { delivered, lost, doubles } = this.#numbers
    return { delivered, lost, doubles, cut: this.cut, reads: this.#reads, wire: this.#wire, lastAt: this.#lastAt, latency: this.#latency.latency }
  }
}
