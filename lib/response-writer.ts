import { ServerResponse } from 'node:http'
import type { Http2ServerResponse, Http2Session } from 'node:http2'
import { Socket } from 'node:net'
import type { Chunk } from './chunk.ts'

/** The response below a reply, whatever the server: HTTP/1.1, HTTP/1.0, HTTP/2, or an injected request. */
export type AnyResponse = ServerResponse | Http2ServerResponse

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
  /** Bytes accepted that the operating system has not taken yet; 0 where it is not yet this response's turn to send any. */
  readonly backlog: number
  /** Whether all that was accepted is on its way. */
  readonly isFlushed: boolean
  /** Another number whenever the operating system has taken more; the same for as long as the reader takes nothing. */
  readonly mark: number
  /** Calls back once, when everything accepted so far has been sent. Not at all when the reader leaves before. */
  onceDrained (callback: () => void): void
  /** Ends the response cleanly, after everything accepted. The connection stays usable. */
  end (): void
  /** The same, and asks for no more on this connection: the server closes. */
  endLast (): void
  /** Cuts the stream: of HTTP/1.1 with its connection, of HTTP/2 alone. */
  destroy (): void
  /** The same, and its connection in any case: the server closes. */
  destroyLast (): void
}

/**
 * Sends the head of a response together with the first bytes of its body, and opens the fastest way to its reader.
 *
 * @param maxBacklogBytes What may wait to be sent before `write` says no. Below the socket's own high-water mark it has no effect.
 */
export function openWriter (response: AnyResponse, first: Chunk, maxBacklogBytes: number): ResponseWriter {
  liftTimeouts(response)
  // Node's HTTP/2 responses have it, their types do not.
  const { flushHeaders } = response as ServerResponse
  // One packet, not two.
  const { socket } = response
  if (socket instanceof Socket) socket.cork()
  flushHeaders.call(response)
  const writer = ownsItsSocket(response)
    ? new SocketWriter(response, response.socket, maxBacklogBytes)
    : new PlainWriter(response, maxBacklogBytes)
  writer.write(first)
  if (socket instanceof Socket) socket.uncork()
  return writer
}

/** Cuts the connection of a response that is not open yet. */
export function cut (response: AnyResponse): void {
  new PlainWriter(response, Infinity).destroyLast()
}

/** Whether the reader of a response has left, or the response ended for another reason. Says so also where `close` was fired long ago. */
export function hasClosed (response: AnyResponse): boolean {
  if (!(response instanceof ServerResponse)) return response.stream.destroyed || response.stream.closed
  return response.destroyed || response.writableEnded || response.req?.socket?.destroyed === true
}

/** Calls back when a response has closed; perhaps twice. */
export function whenClosed (response: AnyResponse, callback: () => void): void {
  response.once('close', callback)
  // A pipelined response that waits for its turn is not told when the connection is lost.
  if (response instanceof ServerResponse && response.socket === null) {
    const { socket } = response.req
    // Each that waits has its own, and there may be many: no leak for Node to warn of.
    socket.setMaxListeners(0)
    socket.once('close', callback)
    response.once('close', () => socket.off('close', callback))
  }
}

/**
 * An HTTP/1.1 response that frames its body as chunks and has its connection to itself.
 *
 * Not so: HTTP/2 and injected responses, HTTP/1.0 (no chunks), a pipelined response that waits for an earlier one (no socket yet),
 * and one whose `write` somebody has wrapped, whose bytes would go round the wrapper.
 */
function ownsItsSocket (response: AnyResponse): response is ServerResponse & { socket: Socket } {
  return response instanceof ServerResponse &&
    response.socket instanceof Socket &&
    response.chunkedEncoding &&
    !Object.hasOwn(response, 'write')
}

/** A live stream may be silent for longer than any time-out of the server allows. */
function liftTimeouts (response: AnyResponse): void {
  if (response instanceof ServerResponse) {
    // A pipelined response has no socket yet, but its request has. Node sets the keep-alive time-out again after a clean end.
    response.req?.socket?.setTimeout?.(0)
    return
  }
  const session = response.stream.session as LiftableSession
  const lifted = session[kLifted] ??= { timeout: session.timeout, streams: 0 }
  lifted.streams++
  session.setTimeout(0)
  response.once('close', () => {
    // An idle session without a time-out would keep a closing server waiting for its reader, for ever.
    if (--lifted.streams === 0) session.setTimeout(lifted.timeout)
  })
}

// Kept with the session: event streams of several plugins may share one.
const kLifted = Symbol('fastify-typed-sse.lifted')

interface LiftableSession extends Http2Session {
  /** Node has it, its types do not. */
  readonly timeout: number
  [kLifted]?: { readonly timeout: number, streams: number }
}

/** Pre-framed chunks to the socket under the response: no copy, no framing, no bookkeeping per subscriber. */
class SocketWriter implements ResponseWriter {
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #maxBacklogBytes: number

  constructor (response: ServerResponse, socket: Socket, maxBacklogBytes: number) {
    this.#response = response
    this.#socket = socket
    this.#maxBacklogBytes = maxBacklogBytes
  }

  write ({ framed }: Chunk): boolean {
    // A reader that has ended its half: Node has ended ours, and `close` follows when the rest is sent.
    if (!this.#socket.writable) return false
    return this.#socket.write(framed) || this.#socket.writableLength <= this.#maxBacklogBytes
  }

  get backlog (): number { return this.#socket.writableLength }

  get isFlushed (): boolean { return this.#socket.writableLength === 0 }

  get mark (): number { return markOf(this.#socket) }

  onceDrained (callback: () => void): void {
    // Fires before a clean end, which waits for its turn behind it; so none is left on a socket that goes on to the next request.
    this.#socket.once('drain', callback)
  }

  end (): void {
    this.#response.end()
  }

  endLast (): void {
    // A closing server closes idle connections of HTTP/1.1 by itself.
    this.#response.end()
  }

  destroy (): void {
    this.#socket.destroy()
  }

  destroyLast (): void {
    this.#socket.destroy()
  }
}

/** The ordinary `write` of any response. */
class PlainWriter implements ResponseWriter {
  readonly #response: AnyResponse
  readonly #maxBacklogBytes: number

  constructor (response: AnyResponse, maxBacklogBytes: number) {
    this.#response = response
    this.#maxBacklogBytes = maxBacklogBytes
  }

  write ({ plain }: Chunk): boolean {
    // HTTP/2 takes a write for an error on a stream that was reset and has not told yet.
    if (hasClosed(this.#response)) return false
    return (this.#response as ServerResponse).write(plain) || this.#response.writableLength <= this.#maxBacklogBytes
  }

  get backlog (): number {
    // One that waits for an earlier response on its connection is not the reader's fault.
    return this.#socket === undefined ? 0 : this.#response.writableLength
  }

  get isFlushed (): boolean { return this.#response.writableLength === 0 }

  get mark (): number { return this.#socket === undefined ? 0 : markOf(this.#socket) }

  /** That of an HTTP/2 response is shared: what others send on it counts as well. */
  get #socket (): Socket | undefined {
    const response = this.#response
    // That of a session which has ended throws at every touch.
    if (response instanceof ServerResponse ? response.destroyed : hasClosed(response)) return undefined
    return (response instanceof ServerResponse ? response.socket : response.stream.session?.socket as Socket | undefined) ?? undefined
  }

  onceDrained (callback: () => void): void {
    this.#response.once('drain', callback)
  }

  end (): void {
    const response = this.#response
    if (response instanceof ServerResponse) response.end()
    // A reader that never ends its request would hold the stream half open.
    else response.end(() => response.stream.close())
  }

  endLast (): void {
    this.end()
    // Sessions of HTTP/2 it leaves open until their readers go; this one ends when nothing is under way on it.
    if (!(this.#response instanceof ServerResponse)) this.#response.stream.session?.close()
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

  destroyLast (): void {
    const session = this.#response instanceof ServerResponse ? undefined : this.#response.stream.session
    this.destroy()
    // Destroying a session waits for what its reader does not take, and its socket is hidden: a method that returns `this` shows it.
    if (session !== undefined && !session.destroyed) (session.socket.off('close', () => {}) as Socket).destroy()
  }
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
