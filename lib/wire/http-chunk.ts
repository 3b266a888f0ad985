import type { Checksum } from './gzip-checksum.ts'

/** Bytes of an event stream in one allocation, with and without the framing of HTTP/1.1's chunked transfer coding. */
export interface Chunk {
  /** `<hex length>` CRLF bytes CRLF, ready for the socket of an HTTP/1.1 response. */
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

/** Encodes a text as UTF-8. Lone surrogates become U+FFFD, because UTF-8 cannot represent them. */
export function textChunk (text: string): Chunk {
  return frame(Buffer.byteLength(text), undefined, (plain) => plain.write(text))
}

function frame (length: number, sums: Sums | undefined, fill: (plain: Buffer) => void): Chunk {
  const head = length.toString(16) + CRLF
  // Not from the pool of small Buffers, because each chunk that waits in a socket would keep its 8 KiB pool slab alive.
  const framed = Buffer.allocUnsafeSlow(head.length + length + CRLF.length)
  framed.write(head, 'latin1')
  const plain = framed.subarray(head.length, head.length + length)
  fill(plain)
  framed.write(CRLF, head.length + length, 'latin1')
  return { framed, unframed: plain, sums }
}

/** The HTTP content codings that an event stream can have. */
export type CodingName = 'identity' | 'gzip'
