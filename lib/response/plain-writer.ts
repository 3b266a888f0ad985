import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { hasClosed, type AnyResponse } from './any-response.ts'
import { closeSessionAfter, hasRoomOnSession } from './http2-session.ts'
import { isWaiting } from './pipelining.ts'
import type { ResponseWriter } from './response-writer.ts'
import { markOf, NOTHING, OVERHEAD_BYTES, unlessFailed } from './socket-progress.ts'
import type { Chunk } from '../wire/http-chunk.ts'

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
