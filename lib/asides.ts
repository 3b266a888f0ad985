import { Buffer } from 'node:buffer'
import { createChunk, type Chunk } from './chunk.ts'
import { MAX_RUN_BYTES } from './run.ts'

/** Bytes for one subscriber alone, and the index that they stand before. */
interface Aside {
  readonly index: number
  bytes: Buffer
  /** Told once: whether they were handed to the socket. */
  readonly settle: ((handed: boolean) => void) | undefined
}

/**
 * What waits for one subscriber alone, each at its place in the order.
 */
export class Asides {
  #waiting: Aside[] = []
  #bytes = 0
  /** The newest `retry` among them, perhaps taken already. */
  #retry: Aside | undefined

  get size (): number { return this.#waiting.length }

  get bytes (): number { return this.#bytes }

  /** The index that the first of them stands before; Infinity where there is none. */
  get index (): number { return this.#waiting[0]?.index ?? Infinity }

  /** @param index Not below that of those that wait already. */
  add (index: number, bytes: Buffer, settle?: (handed: boolean) => void): void {
    this.#waiting.push({ index, bytes, settle })
    this.#bytes += bytes.length
  }

  /** A `retry` field. One that still waits is replaced: a reader that reads nothing must not cost more with each. */
  addRetry (index: number, bytes: Buffer): void {
    if (this.#retry !== undefined && this.#waiting.includes(this.#retry)) {
      this.#bytes += bytes.length - this.#retry.bytes.length
      this.#retry.bytes = bytes
      return
    }
    this.add(index, bytes)
    this.#retry = this.#waiting.at(-1)
  }

  /** Takes those that stand before the first one's index, as one chunk of at most a run's size; at least the first. */
  take (): Chunk {
    const { index } = this
    let length = 0
    let count = 0
    for (const aside of this.#waiting) {
      if (aside.index !== index || (count > 0 && length + aside.bytes.length > MAX_RUN_BYTES)) break
      length += aside.bytes.length
      count++
    }
    const taken = this.#waiting.splice(0, count)
    this.#bytes -= length
    for (const { settle } of taken) settle?.(true)
    return createChunk(taken.map(({ bytes }) => bytes))
  }

  /** Lets go of all that waits. */
  drop (): void {
    const dropped = this.#waiting
    this.#waiting = []
    this.#bytes = 0
    for (const { settle } of dropped) settle?.(false)
  }
}
