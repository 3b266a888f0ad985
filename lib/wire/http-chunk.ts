import type { Checksum } from './gzip-checksum.ts'

/** Bytes of an event stream, with and without the framing of HTTP/1.1's chunked transfer coding. */
export interface Chunk {
  /** The number of bytes without framing. */
  readonly length: number
  /** `framed` as text of one byte for each character; undefined if the chunk is not such text. */
  readonly text: string | undefined
  /** `<hex length>` CRLF bytes CRLF in one allocation, ready for the socket of an HTTP/1.1 response. */
  readonly framed: Buffer
  /** The bytes alone, for responses that do their own framing. */
  readonly unframed: Buffer
  /** The checksums of the gzip stream before and after these bytes; undefined if the bytes are not compressed. */
  readonly sums: Sums | undefined
}

/** The checksums at both ends of a chunk. A chunk continues another if its `before` is the very object that the other has as `after`. */
interface Sums {
  readonly before: Checksum
  readonly after: Checksum
}

const CRLF = '\r\n'

/**
 * Joins parts to a chunk.
 *
 * @param sums The checksums of compressed parts; absent if the parts are not compressed.
 */
export function createChunk (parts: readonly Buffer[], sums?: Sums): Chunk {
  let length = 0
  for (const part of parts) length += part.length
  return frame(length, sums, (plain) => {
    let end = 0
    for (const part of parts) end += part.copy(plain, end)
  })
}

/**
 * Encodes a text for one reader as UTF-8. Lone surrogates become U+FFFD, because UTF-8 cannot represent them.
 *
 * Sockets take ASCII text as it is. The allocation of a Buffer costs more than the writing of a small text.
 */
export function textChunk (text: string): Chunk {
  const length = Buffer.byteLength(text)
  return length === text.length ? new AsciiChunk(text) : encode(text, length)
}

/** Encodes a text for several readers, as `textChunk` does. */
export function sharedTextChunk (text: string): Chunk {
  return encode(text, Buffer.byteLength(text))
}

function encode (text: string, length: number): Chunk {
  return frame(length, undefined, (plain) => plain.write(text))
}

/** A text that most writers do not need as Buffers. */
class AsciiChunk implements Chunk {
  readonly #text: string
  readonly sums = undefined
  #encoded: Chunk | undefined

  constructor (text: string) {
    this.#text = text
  }

  get length (): number { return this.#text.length }

  get text (): string { return `${this.#text.length.toString(16)}${CRLF}${this.#text}${CRLF}` }

  get framed (): Buffer { return this.#inBuffers.framed }

  get unframed (): Buffer { return this.#inBuffers.unframed }

  get #inBuffers (): Chunk {
    this.#encoded ??= encode(this.#text, this.#text.length)
    return this.#encoded
  }
}

function frame (length: number, sums: Sums | undefined, fill: (plain: Buffer) => void): Chunk {
  const head = length.toString(16) + CRLF
  // Not from the pool of small Buffers, because each chunk that waits in a socket would keep its 8 KiB pool slab alive.
  const framed = Buffer.allocUnsafeSlow(head.length + length + CRLF.length)
  framed.write(head, 'latin1')
  const plain = framed.subarray(head.length, head.length + length)
  fill(plain)
  framed.write(CRLF, head.length + length, 'latin1')
  return { length, text: undefined, framed, unframed: plain, sums }
}

/** The HTTP content codings that an event stream can have. */
export type CodingName = 'identity' | 'gzip'
