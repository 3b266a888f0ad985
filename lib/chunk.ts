import type { Sum } from './running-sum.ts'

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

export interface Sums {
  readonly before: Sum
  readonly after: Sum
}

const CRLF = '\r\n'

/** @param sums Where the parts are compressed. */
export function createChunk (parts: readonly Buffer[], sums?: Sums): Chunk {
  let length = 0
  for (const part of parts) length += part.length
  const head = length.toString(16) + CRLF
  const framed = Buffer.allocUnsafe(head.length + length + CRLF.length)
  let end = framed.write(head, 'latin1')
  const start = end
  for (const part of parts) end += part.copy(framed, end)
  framed.write(CRLF, end, 'latin1')
  return { framed, plain: framed.subarray(start, end), sums }
}

export function textChunk (text: string): Chunk {
  // Lone surrogates become U+FFFD here: UTF-8 has no form for them.
  return createChunk([Buffer.from(text)])
}
