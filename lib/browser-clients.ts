import cors from '@fastify/cors'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Settings } from './options.ts'

/**
 * Declares a route that pages of other origins may read, and opens nothing else to them.
 *
 * Where the application has its own @fastify/cors, before us or after us, that one answers: with our options if `cors` was given, with
 * its own if not. So there is always exactly one answer.
 */
export async function declareForBrowsers (app: FastifyInstance, settings: Settings['cors'], route: RouteOptions): Promise<void> {
  if (settings === false) {
    app.route({ ...route, config: { ...route.config, cors: false } })
    return
  }
  const { options, isDefault } = settings
  const declared = isDefault ? route : { ...route, config: { cors: options, ...route.config } }
  if (hasCors(app)) {
    app.route(declared)
    return
  }
  // A scope of its own: @fastify/cors opens every route of the scope that it is registered in.
  await app.register(async (scope) => {
    scope.addHook('onRoute', (added) => {
      // @fastify/cors would answer OPTIONS for whatever begins with its prefix, the application's routes among it.
      if (added.method === 'OPTIONS') added.url = scope.prefix + route.url
    })
    await scope.register(cors, {
      delegator: (_request, done) => done(null, isDefault && hasCors(app) ? { origin: false } : options)
    })
    scope.route(declared)
  })
}

/** Whether the application has @fastify/cors here. Of ours it cannot be: that one stays in its own scope. */
export function hasCors (app: FastifyInstance): boolean {
  return app.hasRequestDecorator('corsPreflightEnabled')
}

/** Serves the application's own pages. */
export async function servePages (app: FastifyInstance, { root, prefix }: Exclude<Settings['static'], false>): Promise<void> {
  // The application may have its own @fastify/static, and its `reply.sendFile` is not ours to replace.
  await app.register(fastifyStatic, { root, prefix, decorateReply: false })
}
