/**
 * Bytes of an event stream, with and without the frame of HTTP/1.1's chunked coding, in one allocation.
 */
export interface Chunk {
  /** `<hex length>` CRLF bytes CRLF: goes straight to an HTTP/1.1 socket. */
  readonly framed: Buffer
  /** The bytes alone: for every response that frames them itself. */
  readonly plain: Buffer
}

const CRLF = '\r\n'

/** @param length The sum of the parts' lengths, which the caller knows already. */
export function createChunk (parts: readonly Buffer[], length: number): Chunk {
  const head = length.toString(16) + CRLF
  const framed = Buffer.allocUnsafe(head.length + length + CRLF.length)
  let end = framed.write(head, 'latin1')
  const start = end
  for (const part of parts) end += part.copy(framed, end)
  framed.write(CRLF, end, 'latin1')
  return { framed, plain: framed.subarray(start, end) }
}

export function textChunk (text: string): Chunk {
  // Lone surrogates become U+FFFD here: UTF-8 has no form for them.
  const bytes = Buffer.from(text)
  return createChunk([bytes], bytes.length)
}
