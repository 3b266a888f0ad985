import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { AnyResponse } from '../response/any-response.ts'

/**
 * Manages the connection of a request that asks for an upgrade (a WebSocket, or HTTP/2 over cleartext TCP) but gets an ordinary response.
 * Does nothing for any other request.
 *
 * Node has handed that connection over to its `upgrade` listeners, such as that of @fastify/websocket, and no longer manages it: no code reads
 * it, so the reader is not seen to leave, and no code ends it after the response.
 */
export function watchIgnoredUpgrade (response: AnyResponse): void {
  if (!isUpgraded(response)) return
  const { socket } = response
  // Node does the same on other connections: after the last response, and when the reader has ended its half.
  if (!response.headersSent) response.setHeader('connection', 'close')
  response.once('finish', () => socket.destroySoon())
  socket.once('end', () => socket.end())
  // `close` follows every error.
  socket.on('error', () => {})
  // Bytes that the reader has sent come before the end of its half, and no other code reads them.
  socket.resume()
}

function isUpgraded (response: AnyResponse): response is ServerResponse & { socket: Socket } {
  if (!(response instanceof ServerResponse) || !(response.socket instanceof Socket)) return false
  // Missing in Node's types. False if `upgrade` has no listener, because Node then treats the request as an ordinary one.
  return (response.req as { upgrade?: unknown } | undefined)?.upgrade === true
}
