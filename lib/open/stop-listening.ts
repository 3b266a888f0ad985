import { IncomingMessage } from 'node:http'
import { Server } from 'node:net'
import { asksForEventStream } from './content-negotiation.ts'

/**
 * Stops a server from accepting connections before its event streams have ended.
 *
 * Fastify waits for open streams before it stops listening, and responds with 503 meanwhile. A native EventSource that reconnects and gets a
 * 503 gives up for good. If its connection is refused or cut, it tries again.
 */
export function stopListening (server: Server): void {
  // Bun's HTTP server is not a `net.Server` and has none of its methods, so only Fastify can close it.
  if (!(server instanceof Server) || !server.listening) return
  // Not `http.Server.close`, which cuts connections whose response has ended but is not completely sent.
  Server.prototype.close.call(server)
  // From now on, a connection that is idle for this many milliseconds ends; Node adds a second.
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = 1
  server.prependListener('request', cutReader)
  // Only if another `upgrade` listener exists, because Node hands connections over as soon as there is one.
  if (server.listenerCount('upgrade') > 0) server.prependListener('upgrade', cutReader)
}

/** Cuts the connection of a reader that reconnects over a connection that was idle. */
function cutReader (request: unknown): void {
  if (request instanceof IncomingMessage && asksForEventStream(request.headers.accept)) request.socket.destroy()
}
