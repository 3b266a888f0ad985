import { Buffer } from 'node:buffer'
import { MAX_BATCH_BYTES } from '../cursor/batch-cache.ts'
import { type Chunk, textChunk } from '../wire/http-chunk.ts'

/** Fields and events for one subscriber alone, and the index that they stand before. */
interface PendingSend {
  readonly index: number
  /** Text: a small Buffer that waits would hold on to the 8 KiB of the pool around it. */
  text: string
  bytes: number
  /** Told once: whether they were handed to the socket. */
  readonly settle: ((handed: boolean) => void) | undefined
}

// What a send takes beside its bytes, with the promises of the `send` that waits for it. Without it, a quarter of a megabyte of tiny ones
// would take twenty times as much memory.
const OVERHEAD_BYTES = 1024

/** The bytes that a text takes while it waits. */
export function sizeOfPendingSend (text: string): number {
  return Buffer.byteLength(text) + OVERHEAD_BYTES
}

/**
 * What waits for one subscriber alone, each at its place in the order.
 */
export class PendingSends {
  #waiting: PendingSend[] = []
  #size = 0
  /** The newest `retry` among them, perhaps taken already. */
  #retry: PendingSend | undefined

  get count (): number { return this.#waiting.length }

  /** Bytes that they take while they wait. */
  get size (): number { return this.#size }

  /** The index that the first of them stands before; Infinity where there is none. */
  get index (): number { return this.#waiting[0]?.index ?? Infinity }

  /** @param index Not below that of those that wait already. */
  add (index: number, text: string, settle?: (handed: boolean) => void): void {
    const bytes = Buffer.byteLength(text)
    this.#waiting.push({ index, text, bytes, settle })
    this.#size += bytes + OVERHEAD_BYTES
  }

  /** A `retry` field. One that still waits is replaced: a reader that reads nothing must not cost more with each. */
  addRetry (index: number, text: string): void {
    if (this.#retry !== undefined && this.#waiting.includes(this.#retry)) {
      const bytes = Buffer.byteLength(text)
      this.#size += bytes - this.#retry.bytes
      this.#retry.text = text
      this.#retry.bytes = bytes
      return
    }
    this.add(index, text)
    this.#retry = this.#waiting.at(-1)
  }

  /** Takes those that stand before the first one's index, as one chunk of at most a run's size; at least the first. */
  take (): Chunk {
    const { index } = this
    let length = 0
    let count = 0
    let text = ''
    for (const send of this.#waiting) {
      if (send.index !== index || (count > 0 && length + send.bytes > MAX_BATCH_BYTES)) break
      length += send.bytes
      text += send.text
      count++
    }
    const taken = this.#waiting.splice(0, count)
    this.#size -= length + count * OVERHEAD_BYTES
    for (const { settle } of taken) settle?.(true)
    return textChunk(text)
  }

  /** Lets go of all that waits. */
  drop (): void {
    const dropped = this.#waiting
    this.#waiting = []
    this.#size = 0
    for (const { settle } of dropped) settle?.(false)
  }
}
