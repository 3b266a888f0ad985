import type { FastifyInstance, RouteOptions } from 'fastify'
import { type BrowserFile, sendFile } from './browser-files.ts'
import { declareForBrowsers, methodsOf } from './cors.ts'
import type { Cors } from './route-options.ts'
import { claim, fullUrl, takenBy } from './urls.ts'

/** What holds for the routes of some files. */
interface FileRouteOptions {
  readonly cors: Cors | false
  /** What to give where another has one of the URLs. */
  readonly advice: string
  readonly preHandler?: NonNullable<RouteOptions['preHandler']>
}

/** New for each route: hooks of the application may add to it. */
function readingRoute (): Pick<RouteOptions, 'method' | 'exposeHeadRoute' | 'schema'> {
  // Not for the API's documentation.
  return { method: ['GET', 'HEAD'], exposeHeadRoute: false, schema: { hide: true } as object }
}

/**
 * Declares a route for each file.
 *
 * A URL at which this plugin serves the same file already, for another hub of the application, is left as it is.
 *
 * @throws FST_SSE_PATH_TAKEN
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
      // "/" in a scope with a prefix would be the bare prefix as well, from where relative links lead elsewhere.
      prefixTrailingSlash: 'slash',
      preHandler,
      handler: (request, reply) => sendFile(request, reply, file)
    })
  }
}

/** Declares a route that leads elsewhere, where nobody has its URL. */
export function redirectWhereFree (app: FastifyInstance, url: string, handler: RouteOptions['handler']): void {
  if (fullUrl(app, url) !== '' && takenBy(app, url, { methods: ['GET', 'HEAD'] }) === undefined) app.route({ ...readingRoute(), url, config: { cors: false }, handler })
}

const SERVED: unique symbol = Symbol.for('fastify-typed-sse.served')

/** The ETags of what this plugin serves in an application, by URL. Kept on its root: scopes side by side know nothing of each other. */
function servedBy (app: FastifyInstance & { [SERVED]?: Map<string, string> }): Map<string, string> {
  const above = Object.getPrototypeOf(app)
  if ('hasRoute' in above) return servedBy(above)
  app[SERVED] ??= new Map()
  return app[SERVED]
}
