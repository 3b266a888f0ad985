import { ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import { Socket } from 'node:net'
import { hasClosed, type AnyResponse } from './any-response.ts'
import { closeSessionAfter, hasRoomOnSession } from './http2-session.ts'
import { isWaiting } from './pipelining.ts'
import type { ResponseWriter } from './response-writer.ts'
import { markOf, NOTHING, OVERHEAD_BYTES, unlessFailed } from './socket-progress.ts'
import type { Chunk } from '../wire/http-chunk.ts'

/** Writes with the ordinary `write` method of a response, on any server. */
export class UnframedWriter implements ResponseWriter {
  readonly #response: AnyResponse
  readonly #maxBacklogBytes: number
  /** The number of bytes written. */
  #accepted = 0
  /** The number of writes since the response last had nothing to send. */
  #waiting = 0

  constructor (response: AnyResponse, maxBacklogBytes: number) {
    this.#response = response
    this.#maxBacklogBytes = maxBacklogBytes
  }

  write ({ unframed: plain }: Chunk): boolean {
    if (!this.isOpen) return false
    // Checked before the write, because HTTP/2 sends nothing within the call.
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

  /** False also for an HTTP/2 stream that was reset and has not emitted `close` yet, because a write would be an error. */
  get isOpen (): boolean { return !hasClosed(this.#response) }

  get backlog (): number {
    // The reader is not to blame if the response waits for an earlier one on the connection.
    return this.#socket === undefined ? 0 : this.#response.writableLength
  }

  get isFlushed (): boolean { return this.#response.writableLength === 0 || this.#isInjected }

  /** True for `inject`: its reader has the bytes within the call, but its mock socket takes a turn of the event loop for each write. */
  get #isInjected (): boolean {
    return this.#response instanceof ServerResponse && this.#response.socket !== null && !(this.#response.socket instanceof Socket)
  }

  get mark (): number {
    // HTTP/2 shows progress by whole writes only.
    if (!(this.#response instanceof ServerResponse)) return this.#accepted - this.#response.writableLength
    return this.#socket === undefined ? 0 : markOf(this.#socket)
  }

  get sharedMark (): number {
    return this.#response instanceof ServerResponse || this.#socket === undefined ? 0 : markOf(this.#socket)
  }

  get #socket (): Socket | undefined {
    const response = this.#response
    // The socket of an HTTP/2 session that has ended throws at every access.
    if (response instanceof ServerResponse ? response.destroyed : hasClosed(response)) return undefined
    return (response instanceof ServerResponse ? response.socket : response.stream.session?.socket as Socket | undefined) ?? undefined
  }

  onceDrained (callback: () => void): void {
    const response = this.#response
    if (!this.isOpen) return
    // Nothing may accumulate before the response has its turn.
    if (isWaiting(response)) response.once('socket', callback)
    else if ((response instanceof ServerResponse ? response : response.stream).writableNeedDrain) response.once('drain', callback)
    else (response as ServerResponse).write(NOTHING, unlessFailed(callback))
  }

  end (): void {
    const response = this.#response
    // If the reader never ends its request, its HTTP/2 stream would stay half open, so it is closed. Other streams are left alone: `close`
    // might reset them before their end.
    const isHalfOpen = !(response instanceof ServerResponse) && !response.stream.endAfterHeaders
    if (isHalfOpen) response.end(() => response.stream.close())
    else response.end()
  }

  endIncomplete (): void {
    const response = this.#response
    this.onceDrained(() => {
      if (response instanceof ServerResponse) this.destroy()
      // `destroy` has no code, so that readers would take it for the end of the response.
      else response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    })
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
    // A pipelined response that waits for its turn would go on waiting, although it is destroyed.
    if (response.socket === null && !response.writableFinished) response.req.socket.destroy()
    response.destroy()
  }

  destroyConnection (): void {
    const session = this.#response instanceof ServerResponse ? undefined : this.#response.stream.session
    this.destroy()
    // `session.destroy` waits for bytes that the reader does not accept, and a proxy hides `destroy` of its socket. `off` returns the socket
    // itself.
    if (session !== undefined && !session.destroyed) (session.socket.off('close', () => {}) as Socket).destroy()
  }
}
