import { Buffer } from 'node:buffer'
import { MAX_BATCH_BYTES } from '../cursor/batch-cache.ts'
import { type Chunk, textChunk } from '../wire/http-chunk.ts'

/** A text for one subscriber alone: encoded fields or events. */
interface PendingSend {
  /** The index of the log before which the text is sent. */
  readonly index: number
  /** A string, because a small Buffer that waits would keep its 8 KiB pool slab alive. */
  text: string
  bytes: number
  /** Called once: with true when the text is handed to the socket, with false when it is dropped. */
  readonly settle: ((handed: boolean) => void) | undefined
}

// The memory that a send takes besides its bytes, with the promises of the `send` that waits for it. If it were not counted, 256 KiB of
// tiny sends would take twenty times as much memory.
const OVERHEAD_BYTES = 1024

/** The bytes of memory that a text takes while it waits. */
export function sizeOfPendingSend (text: string): number {
  return Buffer.byteLength(text) + OVERHEAD_BYTES
}

/** The texts that wait for one subscriber alone, each at its place in the order of the log. */
export class PendingSends {
  #waiting: PendingSend[] = []
  #size = 0
  /** The newest `retry` field; it may have been taken already. */
  #retry: PendingSend | undefined

  get count (): number { return this.#waiting.length }

  /** The bytes of memory that the waiting texts take. */
  get size (): number { return this.#size }

  /** The index before which the first text is sent; Infinity if no text waits. */
  get index (): number { return this.#waiting[0]?.index ?? Infinity }

  /** Adds a text. @param index Not lower than the index of any waiting text. */
  add (index: number, text: string, settle?: (handed: boolean) => void): void {
    const bytes = Buffer.byteLength(text)
    this.#waiting.push({ index, text, bytes, settle })
    this.#size += bytes + OVERHEAD_BYTES
  }

  /** Adds a `retry` field, or replaces one that still waits: their number must not grow for a reader that reads nothing. */
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

  /** Takes the first text, and further texts of its index up to the size of a batch. @returns The texts as one chunk. */
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

  /** Drops all waiting texts. */
  drop (): void {
    const dropped = this.#waiting
    this.#waiting = []
    this.#size = 0
    for (const { settle } of dropped) settle?.(false)
  }
}
