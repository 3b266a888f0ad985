import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { AnyResponse } from './any-response.ts'
import { GzipWriter } from './gzip-writer.ts'
import { liftSessionTimeout } from './http2-session.ts'
import { UnframedWriter } from './unframed-writer.ts'
import type { ResponseWriter } from './response-writer.ts'
import { SocketWriter } from './socket-writer.ts'
import type { Chunk, CodingName } from '../wire/http-chunk.ts'

/**
 * Sends the head of a response together with the first bytes of its body, and creates the fastest writer for the rest.
 *
 * @param maxBacklogBytes The bytes that may wait to be sent before `write` returns false.
 */
export function openWriter (response: AnyResponse, coding: CodingName, first: Chunk, maxBacklogBytes: number): ResponseWriter {
  liftTimeouts(response)
  // HTTP/2 responses have this method too, but it is missing in Node's types.
  const { flushHeaders } = response as ServerResponse
  // The head and the first bytes leave in one packet.
  const { socket } = response
  if (socket instanceof Socket) socket.cork()
  flushHeaders.call(response)
  const sender = ownsItsSocket(response)
    ? new SocketWriter(response, response.socket, maxBacklogBytes)
    : new UnframedWriter(response, maxBacklogBytes)
  const writer = coding === 'gzip' ? new GzipWriter(sender) : sender
  writer.write(first)
  if (socket instanceof Socket) socket.uncork()
  return writer
}

/** Cuts the connection of a response whose event stream is not open yet. */
export function cut (response: AnyResponse): void {
  new UnframedWriter(response, Infinity).destroyConnection()
}

/**
 * True for an HTTP/1.1 response that uses chunked transfer coding and has its connection to itself.
 *
 * False for HTTP/2 and injected responses, for HTTP/1.0 (no chunks), for a pipelined response that waits for an earlier one (no socket
 * yet), and for a response whose `write` is wrapped, because bytes written to the socket would bypass the wrapper.
 */
function ownsItsSocket (response: AnyResponse): response is ServerResponse & { socket: Socket } {
  return response instanceof ServerResponse &&
    response.socket instanceof Socket &&
    response.chunkedEncoding &&
    !Object.hasOwn(response, 'write')
}

/** Turns off the time-outs of the server for a response, because a live stream may be silent for longer. */
function liftTimeouts (response: AnyResponse): void {
  if (response instanceof ServerResponse) {
    // A pipelined response has no socket yet, but its request does. Node restores the keep-alive time-out after a clean end.
    response.req?.socket?.setTimeout?.(0)
  } else {
    liftSessionTimeout(response)
  }
}
