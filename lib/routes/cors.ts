import cors from '@fastify/cors'
import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify'
import type { Cors } from './route-options.ts'

/**
 * Declares a route that pages of other origins may read by CORS, and opens no other route to them.
 *
 * If the application has registered @fastify/cors, before or after this plugin, that instance sets the CORS headers: with the plugin's options if
 * `cors` is given, otherwise with its own. A response therefore never has the headers of two instances.
 *
 * @param settings The option `cors`; false: pages of other origins may not read the route.
 */
export async function declareForBrowsers (app: FastifyInstance, settings: Cors | false, route: RouteOptions): Promise<void> {
  if (settings === false) {
    app.route({ ...route, config: { ...route.config, cors: false } })
    return
  }
  const { options, isDefault } = settings
  // Options in the `config` of a route override those that @fastify/cors was registered with.
  const config = isDefault ? { ...route.config } : { cors: options, ...route.config }
  if (hasCors(app)) {
    app.route({ ...route, config })
    if (!isDefault) declarePreflight(app, route.url, config)
    return
  }
  // In a child scope, because @fastify/cors applies to every route of the scope in which it is registered.
  await app.register(async (scope) => {
    scope.addHook('onRoute', (added) => {
      if (added.method !== 'OPTIONS') return
      // @fastify/cors declares OPTIONS for every URL below its prefix, which would include routes of the application.
      added.url = scope.prefix + route.url
      added.config = { ...added.config, ...config }
    })
    await scope.register(cors, {
      delegator: (_request, done) => done(null, isDefault && hasCors(app) ? { origin: false } : options)
    })
    scope.route({ ...route, config })
  })
}

/** The methods of a route declared by `declareForBrowsers`: GET, HEAD, and OPTIONS if the plugin answers preflights there. */
export function methodsOf (app: FastifyInstance, settings: Cors | false): HTTPMethods[] {
  const answersPreflights = settings !== false && !(settings.isDefault && hasCors(app))
  return answersPreflights ? ['GET', 'HEAD', 'OPTIONS'] : ['GET', 'HEAD']
}

/** Declares an OPTIONS route with the plugin's options. The application's own @fastify/cors has one for all its routes, which lacks these options. */
function declarePreflight (app: FastifyInstance, url: string, config: NonNullable<RouteOptions['config']>): void {
  app.route({
    method: 'OPTIONS',
    url,
    config,
    // Hidden from the API documentation.
    schema: { hide: true } as object,
    // Only for other requests: the hook of @fastify/cors answers every preflight that it allows.
    handler: (_request, reply) => reply.callNotFound()
  })
}

/** True if the application has registered @fastify/cors in this scope or above. The plugin's own instance does not count: it is in a child scope. */
export function hasCors (app: FastifyInstance): boolean {
  if (app.hasRequestDecorator('corsPreflightEnabled')) return true
  // Each scope is checked, because a scope does not see decorators that are added later to the scope above.
  const above = Object.getPrototypeOf(app)
  return 'hasRequestDecorator' in above && hasCors(above)
}
