import type { Body } from './body.ts'

const LF = 0x0a
const SEMICOLON = 0x3b

// States: the part that comes next in a reader's body.
const SIZE = 0
const EXTENSION = 1
const DATA = 2
const AFTER_DATA = 3
const OVER = 4

/** Removes the framing of `Transfer-Encoding: chunked` from the bodies of many readers, wherever reads cut it, without copies. */
export class Chunks implements Body {
  readonly #state: Uint8Array
  /** The size of the chunk as read so far, or the number of bytes that are left of the chunk. */
  readonly #size: Float64Array
  readonly #body: Body

  constructor (readers: number, body: Body) {
    this.#state = new Uint8Array(readers)
    this.#size = new Float64Array(readers)
    this.#body = body
  }

  read (reader: number, buffer: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.#state[reader] === DATA) at = this.#data(reader, buffer, at, end)
      else this.#frame(reader, buffer[at++]!)
    }
  }

  #data (reader: number, buffer: Uint8Array, at: number, end: number): number {
    const size = this.#size[reader]!
    const until = Math.min(end, at + size)
    this.#body.read(reader, buffer, at, until)
    this.#size[reader] = size - (until - at)
    if (this.#size[reader] === 0) this.#state[reader] = AFTER_DATA
    return until
  }

  #frame (reader: number, byte: number): void {
    const state = this.#state[reader]!
    if (byte === LF) {
      if (state === AFTER_DATA) this.#state[reader] = SIZE
      else if (state !== OVER) this.#state[reader] = this.#size[reader] === 0 ? OVER : DATA
    } else if (state === SIZE) {
      if (byte === SEMICOLON) this.#state[reader] = EXTENSION
      else if (byte > 0x20) this.#size[reader] = this.#size[reader]! * 16 + (byte <= 0x39 ? byte - 0x30 : (byte & 0xdf) - 0x37)
    }
  }
}
