import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { AnyResponse } from '../response/any-response.ts'

/**
 * Looks after the connection of a request that asked for an upgrade (a WebSocket, or HTTP/2 in the clear) and is answered as a plain
 * request all the same. Node has handed that connection over to whoever listens for upgrades, @fastify/websocket for instance, and has
 * done with it: nobody reads it, so that its reader is not seen to leave, and nobody ends it after its answer. Does nothing to others.
 */
export function watchUpgraded (response: AnyResponse): void {
  if (!isUpgraded(response)) return
  const { socket } = response
  // What Node says and does at the end of an answer that is the last on its connection, and what it does when a reader has ended its half.
  if (!response.headersSent) response.setHeader('connection', 'close')
  response.once('finish', () => socket.destroySoon())
  socket.once('end', () => socket.end())
  // `close` follows.
  socket.on('error', () => {})
  // What it has sent stands before the end of its half, and nobody takes it.
  socket.resume()
}

function isUpgraded (response: AnyResponse): response is ServerResponse & { socket: Socket } {
  if (!(response instanceof ServerResponse) || !(response.socket instanceof Socket)) return false
  // Node has it, its types do not. False where nobody listens for upgrades: Node takes the request for a plain one then.
  return (response.req as { upgrade?: unknown } | undefined)?.upgrade === true
}
