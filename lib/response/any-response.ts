import { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'

/** The raw response of a Fastify reply on any server: HTTP/1.1, HTTP/1.0, HTTP/2, or an injected request. */
export type AnyResponse = ServerResponse | Http2ServerResponse

/** True if a response has ended, or its reader has left, even if `close` was emitted long ago. */
export function hasClosed (response: AnyResponse): boolean {
  if (!(response instanceof ServerResponse)) return response.stream.destroyed || response.stream.closed
  return response.destroyed || response.writableEnded || response.req?.socket?.destroyed === true
}

/** Calls back when a response has closed, perhaps twice. @returns A function that cancels this. */
export function whenClosed (response: AnyResponse, callback: () => void): () => void {
  // Not `once`, which takes three times the memory for as long as the stream is open.
  response.on('close', callback)
  const forget = (): void => { response.off('close', callback) }
  // A pipelined response that waits for its turn emits no `close` when the connection is lost.
  if (!(response instanceof ServerResponse) || response.socket !== null) return forget
  const { socket } = response.req
  const leave = (): void => { socket.off('close', callback) }
  // Each waiting response adds a listener, and there may be many, so Node need not warn of a leak.
  socket.setMaxListeners(0)
  socket.once('close', callback)
  response.once('close', leave)
  return () => {
    forget()
    leave()
    response.off('close', leave)
  }
}
