import { IncomingMessage } from 'node:http'
import { Server } from 'node:net'
import type { FastifyInstance } from 'fastify'

// The servers of an application, and the server of a request: Fastify may listen with several.

/**
 * Finds the servers that an application listens with.
 *
 * If `localhost` has two addresses, Fastify creates a second server and keeps it under a private symbol. A later Fastify may keep it elsewhere,
 * or have none.
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
  // A child scope inherits it from its application.
  const above: object | null = Object.getPrototypeOf(app)
  return above === null ? [] : secondaryServersOf(above)
}

/** The server that received a request; it need not be `app.server`. Undefined for HTTP/2 and for injected requests. */
export function serverOf (request: unknown): Server | undefined {
  if (!(request instanceof IncomingMessage)) return undefined
  // Missing in Node's types.
  const { server } = request.socket as { server?: unknown }
  return server instanceof Server ? server : undefined
}
