import type { Chunk } from '../wire/http-chunk.ts'

/** Writes chunks to one reader. Never throws, and never waits. */
export interface ResponseWriter {
  /**
   * Writes a chunk. The chunk is accepted in any case, so it must not be written again.
   *
   * @returns False if more than the allowed backlog waits to be sent; `onceDrained` calls back when the next chunk may be written.
   */
  write (chunk: Chunk): boolean
  /** True while bytes can reach the reader; false once the reader has ended its half of the connection. */
  readonly isOpen: boolean
  /** The number of bytes written that the operating system has not accepted yet; 0 while an earlier response on the connection has its turn. */
  readonly backlog: number
  /** True if the operating system has accepted all bytes written. */
  readonly isFlushed: boolean
  /** Progress marker: changes whenever the operating system accepts more bytes. */
  readonly mark: number
  /** Progress of the whole connection where several streams share it (HTTP/2); otherwise constant. */
  readonly sharedMark: number
  /** Calls back once, when all bytes written so far have been sent; never if the reader leaves first. */
  onceDrained (callback: () => void): void
  /** Ends the response cleanly, after all bytes written. The connection stays usable. */
  end (): void
  /** Ends the response after all bytes written, so that the reader sees that it is not complete. */
  endIncomplete (): void
  /** Closes the connection once this stream and everything else on it have ended, because the server closes. */
  closeConnectionAfterEnd (): void
  /** Cuts the stream: with its connection for HTTP/1.1, alone for HTTP/2. */
  destroy (): void
  /** Cuts the stream and its connection, because the server closes. */
  destroyConnection (): void
}

/** The writer of a stream that has closed. It keeps no response in memory. */
export const NOWHERE: ResponseWriter = {
  isOpen: false,
  backlog: 0,
  isFlushed: true,
  mark: 0,
  sharedMark: 0,
  write: () => true,
  onceDrained () {},
  end () {},
  endIncomplete () {},
  closeConnectionAfterEnd () {},
  destroy () {},
  destroyConnection () {}
}
