import { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'

/** The response below a reply, whatever the server: HTTP/1.1, HTTP/1.0, HTTP/2, or an injected request. */
export type AnyResponse = ServerResponse | Http2ServerResponse

/** Whether the reader of a response has left, or the response ended for another reason. Says so also where `close` was fired long ago. */
export function hasClosed (response: AnyResponse): boolean {
  if (!(response instanceof ServerResponse)) return response.stream.destroyed || response.stream.closed
  return response.destroyed || response.writableEnded || response.req?.socket?.destroyed === true
}

/** Calls back when a response has closed; perhaps twice. @returns Calls it off. */
export function whenClosed (response: AnyResponse, callback: () => void): () => void {
  // Not `once`, which takes three times the memory for as long as the stream is open.
  response.on('close', callback)
  const forget = (): void => { response.off('close', callback) }
  // A pipelined response that waits for its turn is not told when the connection is lost.
  if (!(response instanceof ServerResponse) || response.socket !== null) return forget
  const { socket } = response.req
  const leave = (): void => { socket.off('close', callback) }
  // Each that waits has its own, and there may be many: no leak for Node to warn of.
  socket.setMaxListeners(0)
  socket.once('close', callback)
  response.once('close', leave)
  return () => {
    forget()
    leave()
    response.off('close', leave)
  }
}
