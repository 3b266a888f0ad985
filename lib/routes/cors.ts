import cors from '@fastify/cors'
import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify'
import type { Cors } from './route-options.ts'

/**
 * Declares a route that pages of other origins may read, and opens nothing else to them.
 *
 * Where the application has its own @fastify/cors, before us or after us, that one answers: with our options if `cors` was given, with
 * its own if not. So there is always exactly one answer.
 */
export async function declareForBrowsers (app: FastifyInstance, settings: Cors | false, route: RouteOptions): Promise<void> {
  if (settings === false) {
    app.route({ ...route, config: { ...route.config, cors: false } })
    return
  }
  const { options, isDefault } = settings
  // Its own options on a route go before those that @fastify/cors was registered with, by us or by the application.
  const config = isDefault ? { ...route.config } : { cors: options, ...route.config }
  if (hasCors(app)) {
    app.route({ ...route, config })
    if (!isDefault) declarePreflight(app, route.url, config)
    return
  }
  // A scope of its own: @fastify/cors opens every route of the scope that it is registered in.
  await app.register(async (scope) => {
    scope.addHook('onRoute', (added) => {
      if (added.method !== 'OPTIONS') return
      // @fastify/cors would answer OPTIONS for whatever begins with its prefix, the application's routes among it.
      added.url = scope.prefix + route.url
      added.config = { ...added.config, ...config }
    })
    await scope.register(cors, {
      delegator: (_request, done) => done(null, isDefault && hasCors(app) ? { origin: false } : options)
    })
    scope.route({ ...route, config })
  })
}

/** The methods of a reading route, with that of preflights where one is declared for it. */
export function methodsOf (app: FastifyInstance, settings: Cors | false): HTTPMethods[] {
  const answersPreflights = settings !== false && !(settings.isDefault && hasCors(app))
  return answersPreflights ? ['GET', 'HEAD', 'OPTIONS'] : ['GET', 'HEAD']
}

/** The application's answer to preflights is one route for all of its own, and knows nothing of our options: this one does. */
function declarePreflight (app: FastifyInstance, url: string, config: NonNullable<RouteOptions['config']>): void {
  app.route({
    method: 'OPTIONS',
    url,
    config,
    // Not for the API's documentation.
    schema: { hide: true } as object,
    // Its hook answers every preflight that it grants.
    handler: (_request, reply) => reply.callNotFound()
  })
}

/** Whether the application has @fastify/cors here or above. Of ours it cannot be: that one stays in its own scope. */
export function hasCors (app: FastifyInstance): boolean {
  if (app.hasRequestDecorator('corsPreflightEnabled')) return true
  // A scope does not see what the one above is given later.
  const above = Object.getPrototypeOf(app)
  return 'hasRequestDecorator' in above && hasCors(above)
}
