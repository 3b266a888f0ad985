import { IncomingMessage } from 'node:http'
import { Server } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { asksForEventStream } from './negotiate.ts'

/**
 * Takes a server out of service before its streams have ended.
 *
 * Fastify waits for them before it stops to listen, and answers 503 meanwhile: a reader that was told to come back, and does, would meet
 * that, and a native EventSource gives up for good. A connection that is refused or cut it tries again.
 */
export function stopListening (server: Server): void {
  // Bun's server of HTTP is none of `node:net`, and has nothing of one: it is Fastify's alone to close.
  if (!(server instanceof Server) || !server.listening) return
  // Not the `close` of `node:http`: that one cuts connections whose answer has ended but is still on its way.
  Server.prototype.close.call(server)
  // From now on a connection ends when it has had nothing to do for this long; Node adds a second.
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = 1
  server.prependListener('request', cutReader)
  // To listen where nobody does would have Node hand its connections over.
  if (server.listenerCount('upgrade') > 0) server.prependListener('upgrade', cutReader)
}

/** One that comes back over a connection that was idle before. */
function cutReader (request: unknown): void {
  if (request instanceof IncomingMessage && asksForEventStream(request.headers.accept)) request.socket.destroy()
}

/**
 * The servers that an application listens with. Where `localhost` has two addresses Fastify makes a second server, and shows it nobody; a
 * later Fastify may keep it elsewhere, or do without.
 */
export function serversOf (app: FastifyInstance): Server[] {
  return [app.server, ...secondaryServersOf(app)]
}

function secondaryServersOf (app: object): Server[] {
  const symbol = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.serverBindings')
  if (symbol !== undefined) {
    const bindings: unknown = Reflect.get(app, symbol)
    return Array.isArray(bindings) ? bindings.filter((binding) => binding instanceof Server) : []
  }
  // A scope has it from its application.
  const above: object | null = Object.getPrototypeOf(app)
  return above === null ? [] : secondaryServersOf(above)
}

/** The server that a request came by: an application may listen by others than its own. */
export function serverOf (request: unknown): Server | undefined {
  if (!(request instanceof IncomingMessage)) return undefined
  // Node has it, its types do not.
  const { server } = request.socket as { server?: unknown }
  return server instanceof Server ? server : undefined
}
