import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify'
import { PathTaken } from '../errors.ts'

// Computes the full URLs of routes, and protects them against other routes.

/** The full URL of a route: the prefix of its scope and the URL within the scope, joined as Fastify joins them. */
export function fullUrl ({ prefix }: FastifyInstance, url: string): string {
  return prefix.endsWith('/') ? prefix + url.slice(1) : prefix + url
}

/** The routes that the plugin claims at its URLs. */
interface Claim {
  readonly methods: readonly HTTPMethods[]
  readonly constraints?: RouteOptions['constraints']
  /** The advice of the error, after "give". */
  readonly advice: string
}

/** The method by which a URL of a scope is taken; undefined if it is free. */
export function takenBy (app: FastifyInstance, url: string, { methods, constraints = {} }: Pick<Claim, 'methods' | 'constraints'>): string | undefined {
  return methods.find((method) => app.hasRoute({ method, url: fullUrl(app, url), constraints }))
}

/**
 * Claims URLs for the plugin. Routes that the application declares there later are refused too. Fastify would throw an error by itself, but
 * without advice.
 *
 * @throws FST_SSE_PATH_TAKEN when another route has one of the URLs.
 */
export function claim (app: FastifyInstance, urls: readonly string[], { methods, constraints = {}, advice }: Claim): void {
  for (const url of urls) {
    const method = takenBy(app, url, { methods, constraints })
    if (method !== undefined) throw new PathTaken(method, fullUrl(app, url), advice)
  }
  const claimed = new Set(urls.map((url) => fullUrl(app, url)))
  // The hook also runs for the plugin's own routes, at a time when they do not exist yet.
  app.addHook('onRoute', ({ method, url, constraints = {} }) => {
    if (!claimed.has(url)) return
    const taken = [method].flat().find((one) => app.hasRoute({ method: one, url, constraints }))
    if (taken !== undefined) throw new PathTaken(taken, url, advice)
  })
}
