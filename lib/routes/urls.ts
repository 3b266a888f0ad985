import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify'
import { PathTaken } from '../errors.ts'

/** A URL of a scope as readers have it, joined as Fastify joins it. */
export function fullUrl ({ prefix }: FastifyInstance, url: string): string {
  return prefix.endsWith('/') ? prefix + url.slice(1) : prefix + url
}

/** What a hub asks of URLs that are to be its own. */
interface Claim {
  readonly methods: readonly HTTPMethods[]
  readonly constraints?: RouteOptions['constraints']
  /** What to give where one is taken. */
  readonly advice: string
}

/** Says by which method a URL of a scope is taken; undefined: it is free. */
export function takenBy (app: FastifyInstance, url: string, { methods, constraints = {} }: Pick<Claim, 'methods' | 'constraints'>): string | undefined {
  return methods.find((method) => app.hasRoute({ method, url: fullUrl(app, url), constraints }))
}

/**
 * Refuses URLs that another route has, and routes of the application that would take them afterwards: Fastify's own error does not say
 * what to give.
 *
 * @throws FST_SSE_PATH_TAKEN
 */
export function claim (app: FastifyInstance, urls: readonly string[], { methods, constraints = {}, advice }: Claim): void {
  for (const url of urls) {
    const method = takenBy(app, url, { methods, constraints })
    if (method !== undefined) throw new PathTaken(method, fullUrl(app, url), advice)
  }
  const claimed = new Set(urls.map((url) => fullUrl(app, url)))
  // Also runs for our own routes, before they exist.
  app.addHook('onRoute', ({ method, url, constraints = {} }) => {
    if (!claimed.has(url)) return
    const taken = [method].flat().find((one) => app.hasRoute({ method: one, url, constraints }))
    if (taken !== undefined) throw new PathTaken(taken, url, advice)
  })
}
