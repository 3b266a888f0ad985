import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { AnyResponse } from './any-response.ts'
import { GzipWriter } from './gzip-writer.ts'
import { liftSessionTimeout } from './http2-session.ts'
import { PlainWriter } from './plain-writer.ts'
import type { ResponseWriter } from './response-writer.ts'
import { SocketWriter } from './socket-writer.ts'
import type { Chunk, CodingName } from '../wire/http-chunk.ts'

/**
 * Sends the head of a response together with the first bytes of its body, and opens the fastest way to its reader.
 *
 * @param maxBacklogBytes What may wait to be sent before `write` says no.
 */
export function openWriter (response: AnyResponse, coding: CodingName, first: Chunk, maxBacklogBytes: number): ResponseWriter {
  liftTimeouts(response)
  // Node's HTTP/2 responses have it, their types do not.
  const { flushHeaders } = response as ServerResponse
  // One packet, not two.
  const { socket } = response
  if (socket instanceof Socket) socket.cork()
  flushHeaders.call(response)
  const sender = ownsItsSocket(response)
    ? new SocketWriter(response, response.socket, maxBacklogBytes)
    : new PlainWriter(response, maxBacklogBytes)
  const writer = coding === 'gzip' ? new GzipWriter(sender) : sender
  writer.write(first)
  if (socket instanceof Socket) socket.uncork()
  return writer
}

/** Cuts the connection of a response that is not open yet. */
export function cut (response: AnyResponse): void {
  new PlainWriter(response, Infinity).destroyConnection()
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
  } else {
    liftSessionTimeout(response)
  }
}
