import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ResponseWriter } from './response-writer.ts'
import { markOf, NOTHING, OVERHEAD_BYTES, unlessFailed } from './socket-progress.ts'
import type { Chunk } from '../wire/http-chunk.ts'

/** Writes framed chunks to the socket of a response: no copy, no framing, no bookkeeping per subscriber. */
export class SocketWriter implements ResponseWriter {
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #maxBacklogBytes: number
  /** The number of writes since the socket was last empty. */
  #waiting = 0

  constructor (response: ServerResponse, socket: Socket, maxBacklogBytes: number) {
    this.#response = response
    this.#socket = socket
    this.#maxBacklogBytes = maxBacklogBytes
  }

  write (chunk: Chunk): boolean {
    if (!this.isOpen) return false
    // Checked before the write, because over TLS no write ends within the call.
    if (this.#waiting > 0 && this.#socket.writableLength === 0) this.#waiting = 0
    const { text } = chunk
    // Latin-1, so that the socket counts bytes.
    if (text === undefined) this.#socket.write(chunk.framed)
    else this.#socket.write(text, 'latin1')
    const { writableLength } = this.#socket
    return writableLength === 0 || writableLength + ++this.#waiting * OVERHEAD_BYTES <= this.#maxBacklogBytes
  }

  /** False once the reader has ended its half of the connection: Node has then ended ours, and `close` follows when the rest is sent. */
  get isOpen (): boolean { return this.#socket.writable }

  get backlog (): number { return this.#socket.writableLength }

  get isFlushed (): boolean { return this.#socket.writableLength === 0 }

  get mark (): number { return markOf(this.#socket) }

  get sharedMark (): number { return 0 }

  onceDrained (callback: () => void): void {
    // Waiting bytes are still sent before `close`. Another write would be an error, and would cut them off.
    if (!this.isOpen) return
    // A clean end comes after this callback, so no listener is left on a socket that serves the next request.
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', callback)
    else this.#socket.write(NOTHING, unlessFailed(callback))
  }

  end (): void {
    this.#response.end()
  }

  endIncomplete (): void {
    this.onceDrained(() => this.destroy())
  }

  closeConnectionAfterEnd (): void {
    // A closing server ends its HTTP/1.1 connections by itself.
  }

  destroy (): void {
    this.#socket.destroy()
  }

  destroyConnection (): void {
    this.#socket.destroy()
  }
}
