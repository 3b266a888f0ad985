import type { Checksum } from './gzip-checksum.ts'

/**
 * Bytes of an event stream, with and without the frame of HTTP/1.1's chunked coding, in one allocation.
 */
export interface Chunk {
  /** `<hex length>` CRLF bytes CRLF: goes straight to an HTTP/1.1 socket. */
  readonly framed: Buffer
  /** The bytes alone: for every response that frames them itself. */
  readonly plain: Buffer
  /** Where they are compressed already: the sums of the stream before and after them. The same object where it is the same stream. */
  readonly sums: Sums | undefined
}

interface Sums {
  readonly before: Checksum
  readonly after: Checksum
}

const CRLF = '\r\n'

/** @param sums Where the parts are compressed. */
export function createChunk (parts: readonly Buffer[], sums?: Sums): Chunk {
  let length = 0
  for (const part of parts) length += part.length
  return frame(length, sums, (plain) => {
    let end = 0
    for (const part of parts) end += part.copy(plain, end)
  })
}

export function textChunk (text: string): Chunk {
  // Lone surrogates become U+FFFD here: UTF-8 has no form for them.
  return frame(Buffer.byteLength(text), undefined, (plain) => plain.write(text))
}

function frame (length: number, sums: Sums | undefined, fill: (plain: Buffer) => void): Chunk {
  const head = length.toString(16) + CRLF
  // Not of the pool that small Buffers share: each that waits in a socket would hold on to the 8 KiB around it.
  const framed = Buffer.allocUnsafeSlow(head.length + length + CRLF.length)
  framed.write(head, 'latin1')
  const plain = framed.subarray(head.length, head.length + length)
  fill(plain)
  framed.write(CRLF, head.length + length, 'latin1')
  return { framed, plain, sums }
}

/** A content coding of HTTP that event streams go out in. */
export type CodingName = 'identity' | 'gzip'
