import type { Chunk } from '../wire/http-chunk.ts'

/**
 * Brings bytes to one reader. Never throws, and never waits.
 */
export interface ResponseWriter {
  /**
   * Accepts a chunk in any case: never write it again.
   *
   * @returns False when more than the allowed backlog waits to be sent; `onceDrained` tells when it is time to go on.
   */
  write (chunk: Chunk): boolean
  /** Whether bytes still get anywhere. Not so once its reader has ended its half of the connection. */
  readonly isOpen: boolean
  /** Bytes accepted that the operating system has not taken yet; 0 while an earlier response on the connection has its turn. */
  readonly backlog: number
  /** Whether all that was accepted is on its way. */
  readonly isFlushed: boolean
  /** Progress marker: changes whenever the operating system accepts more bytes. */
  readonly mark: number
  /** Progress of the whole connection where several streams share it (HTTP/2); otherwise constant. */
  readonly sharedMark: number
  /** Calls back once, when everything accepted so far has been sent. Not at all when the reader leaves before. */
  onceDrained (callback: () => void): void
  /** Ends the response cleanly, after everything accepted. The connection stays usable. */
  end (): void
  /** Nothing is to follow on its connection, once this and all else on it has ended: the server closes. */
  closeConnectionAfterEnd (): void
  /** Cuts the stream: of HTTP/1.1 with its connection, of HTTP/2 alone. */
  destroy (): void
  /** Cuts the stream and its connection: the server closes. */
  destroyConnection (): void
}

/** For a stream that has closed: holds on to nothing. */
export const NOWHERE: ResponseWriter = {
  isOpen: false,
  backlog: 0,
  isFlushed: true,
  mark: 0,
  sharedMark: 0,
  write: () => true,
  onceDrained () {},
  end () {},
  closeConnectionAfterEnd () {},
  destroy () {},
  destroyConnection () {}
}
