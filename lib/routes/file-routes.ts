import type { FastifyInstance, RouteOptions } from 'fastify'
import { type BrowserFile, sendFile } from './file-response.ts'
import { declareForBrowsers, methodsOf } from './cors.ts'
import type { Cors } from './route-options.ts'
import { claim, fullUrl, takenBy } from './urls.ts'

// Declares the routes of the files that this plugin serves.

/** The options that the routes of several files share. */
interface FileRouteOptions {
  /** The option `cors`; false: pages of other origins may not read the files. */
  readonly cors: Cors | false
  /** The advice of FST_SSE_PATH_TAKEN, after "give". */
  readonly advice: string
  readonly preHandler?: NonNullable<RouteOptions['preHandler']>
}

/** Creates the common options of a route. Each route needs an object of its own, because hooks of the application may change it. */
function readingRoute (): Pick<RouteOptions, 'method' | 'exposeHeadRoute' | 'schema'> {
  // Hidden from the API documentation.
  return { method: ['GET', 'HEAD'], exposeHeadRoute: false, schema: { hide: true } as object }
}

/**
 * Declares a route for each file, unless the plugin already serves this file at this URL for another hub of the application.
 *
 * @param files The files, each with its URL within the scope.
 * @throws FST_SSE_PATH_TAKEN when another route has one of the URLs.
 */
export async function serveFiles (app: FastifyInstance, files: Iterable<readonly [url: string, file: BrowserFile]>, options: FileRouteOptions): Promise<void> {
  const { cors, advice, preHandler = [] } = options
  const served = servedBy(app)
  const others = [...files].filter(([url, file]) => served.get(fullUrl(app, url)) !== file.etag)
  claim(app, others.map(([url]) => url), { methods: methodsOf(app, cors), advice })
  for (const [url, file] of others) {
    served.set(fullUrl(app, url), file.etag)
    await declareForBrowsers(app, cors, {
      ...readingRoute(),
      url,
      // Only with the slash: "/" in a scope with a prefix would also match the bare prefix, where relative links would break.
      prefixTrailingSlash: 'slash',
      preHandler,
      handler: (request, reply) => sendFile(request, reply, file)
    })
  }
}

/** Declares a route that redirects, unless the URL is taken. */
export function redirectWhereFree (app: FastifyInstance, url: string, handler: RouteOptions['handler']): void {
  if (fullUrl(app, url) === '' || takenBy(app, url, { methods: ['GET', 'HEAD'] }) !== undefined) return
  app.route({ ...readingRoute(), url, config: { cors: false }, handler })
}

const SERVED: unique symbol = Symbol.for('fastify-typed-sse.served')

/** The ETags of the files that this plugin serves in an application, by URL. Stored on the root instance, which sibling scopes share. */
function servedBy (app: FastifyInstance & { [SERVED]?: Map<string, string> }): Map<string, string> {
  const above = Object.getPrototypeOf(app)
  if ('hasRoute' in above) return servedBy(above)
  app[SERVED] ??= new Map()
  return app[SERVED]
}
