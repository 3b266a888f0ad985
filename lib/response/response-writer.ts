import { Buffer } from 'node:buffer'
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { type AnyResponse, hasClosed } from './any-response.ts'
import { closeSessionAfter, hasRoomOnSession } from './http2-session.ts'
import { isWaiting } from './pipelining.ts'
import type { Chunk } from '../wire/chunk.ts'

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

// What a write that waits takes beside its bytes. Without it, a quarter of a megabyte of tiny writes would take ten times as much memory.
const OVERHEAD_BYTES = 512

const NOTHING = Buffer.alloc(0)

/** Pre-framed chunks to the socket under the response: no copy, no framing, no bookkeeping per subscriber. */
export class SocketWriter implements ResponseWriter {
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #maxBacklogBytes: number
  /** Writes since the socket was last empty. */
  #waiting = 0

  constructor (response: ServerResponse, socket: Socket, maxBacklogBytes: number) {
    this.#response = response
    this.#socket = socket
    this.#maxBacklogBytes = maxBacklogBytes
  }

  write ({ framed }: Chunk): boolean {
    if (!this.isOpen) return false
    // Before the write: with TLS none ends within the call.
    if (this.#waiting > 0 && this.#socket.writableLength === 0) this.#waiting = 0
    this.#socket.write(framed)
    const { writableLength } = this.#socket
    return writableLength === 0 || writableLength + ++this.#waiting * OVERHEAD_BYTES <= this.#maxBacklogBytes
  }

  /** When a reader has ended its half, Node has ended ours, and `close` follows when the rest is sent. */
  get isOpen (): boolean { return this.#socket.writable }

  get backlog (): number { return this.#socket.writableLength }

  get isFlushed (): boolean { return this.#socket.writableLength === 0 }

  get mark (): number { return markOf(this.#socket) }

  get sharedMark (): number { return 0 }

  onceDrained (callback: () => void): void {
    // Called before a clean end, which waits for its turn behind it; so none is left on a socket that goes on to the next request.
    // What waits is still sent, and `close` follows; a further write would be an error, and cut it off.
    if (!this.isOpen) return
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', callback)
    else this.#socket.write(NOTHING, unlessFailed(callback))
  }

  end (): void {
    this.#response.end()
  }

  closeConnectionAfterEnd (): void {
    // A closing server ends connections of HTTP/1.1 by itself.
  }

  destroy (): void {
    this.#socket.destroy()
  }

  destroyConnection (): void {
    this.#socket.destroy()
  }
}

/** The ordinary `write` of any response. */
export class PlainWriter implements ResponseWriter {
  readonly #response: AnyResponse
  readonly #maxBacklogBytes: number
  /** Bytes. */
  #accepted = 0
  /** Writes since the response had nothing to send. */
  #waiting = 0

  constructor (response: AnyResponse, maxBacklogBytes: number) {
    this.#response = response
    this.#maxBacklogBytes = maxBacklogBytes
  }

  write ({ plain }: Chunk): boolean {
    if (!this.isOpen) return false
    // HTTP/2 sends nothing within the call.
    if (this.#response.writableLength === 0) this.#waiting = 0
    this.#accepted += plain.length
    ;(this.#response as ServerResponse).write(plain)
    return !isWaiting(this.#response) && this.#hasRoom(this.#response.writableLength + ++this.#waiting * OVERHEAD_BYTES)
  }

  #hasRoom (bytes: number): boolean {
    return this.#response instanceof ServerResponse
      ? bytes <= this.#maxBacklogBytes
      : hasRoomOnSession(this.#response, bytes, this.#maxBacklogBytes)
  }

  /** HTTP/2 takes a write for an error on a stream that was reset and has not told yet. */
  get isOpen (): boolean { return !hasClosed(this.#response) }

  get backlog (): number {
    // Waiting for an earlier response on the connection is not the reader's fault.
    return this.#socket === undefined ? 0 : this.#response.writableLength
  }

  get isFlushed (): boolean { return this.#response.writableLength === 0 || this.#isInjected }

  /** The reader of `inject` has the bytes within the call; what it has for a socket takes a turn of the event loop for each of them. */
  get #isInjected (): boolean {
    return this.#response instanceof ServerResponse && this.#response.socket !== null && !(this.#response.socket instanceof Socket)
  }

  get mark (): number {
    // Of HTTP/2 a whole write at a time.
    if (!(this.#response instanceof ServerResponse)) return this.#accepted - this.#response.writableLength
    return this.#socket === undefined ? 0 : markOf(this.#socket)
  }

  get sharedMark (): number {
    return this.#response instanceof ServerResponse || this.#socket === undefined ? 0 : markOf(this.#socket)
  }

  get #socket (): Socket | undefined {
    const response = this.#response
    // That of a session which has ended throws at every touch.
    if (response instanceof ServerResponse ? response.destroyed : hasClosed(response)) return undefined
    return (response instanceof ServerResponse ? response.socket : response.stream.session?.socket as Socket | undefined) ?? undefined
  }

  onceDrained (callback: () => void): void {
    const response = this.#response
    if (!this.isOpen) return
    // Until it has its turn nothing may pile up.
    if (isWaiting(response)) response.once('socket', callback)
    else if ((response instanceof ServerResponse ? response : response.stream).writableNeedDrain) response.once('drain', callback)
    else (response as ServerResponse).write(NOTHING, unlessFailed(callback))
  }

  end (): void {
    const response = this.#response
    // A reader that never ends its request would hold its stream half open. Of others it is left alone: it might be reset before its end.
    const isHalfOpen = !(response instanceof ServerResponse) && !response.stream.endAfterHeaders
    if (isHalfOpen) response.end(() => response.stream.close())
    else response.end()
  }

  closeConnectionAfterEnd (): void {
    if (!(this.#response instanceof ServerResponse)) closeSessionAfter(this.#response)
  }

  destroy (): void {
    const response = this.#response
    if (!(response instanceof ServerResponse)) {
      response.stream.destroy()
      return
    }
    // One that waits for its turn would wait on, though it was destroyed.
    if (response.socket === null && !response.writableFinished) response.req.socket.destroy()
    response.destroy()
  }

  destroyConnection (): void {
    const session = this.#response instanceof ServerResponse ? undefined : this.#response.stream.session
    this.destroy()
    // Destroying a session waits for what its reader does not take, and its socket is hidden: a method that returns `this` shows it.
    if (session !== undefined && !session.destroyed) (session.socket.off('close', () => {}) as Socket).destroy()
  }
}

/** A write that fails is the end of the stream, of which `close` tells. */
function unlessFailed (callback: () => void): (error?: Error | null) => void {
  return (error) => { if (error == null) callback() }
}

/** How far a socket has come: what it has sent, and what of the write under way the operating system has not taken. */
function markOf (socket: Socket): number {
  // A single write may take minutes on a slow connection, and only the handle knows that it goes on. Node's own time-out looks there.
  const { writeQueueSize = 0 } = (socket as SocketWithHandle)._handle ?? {}
  return socket.bytesWritten - socket.writableLength - writeQueueSize
}

/** Node has it, its types do not. */
interface SocketWithHandle extends Socket {
  readonly _handle?: { readonly writeQueueSize?: number } | null
}
