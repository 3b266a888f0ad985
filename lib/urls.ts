import type { FastifyInstance, RouteOptions } from 'fastify'
import { PathTaken } from './errors.ts'

/** A URL of a scope as readers have it, joined as Fastify joins it. */
export function fullUrl ({ prefix }: FastifyInstance, url: string): string {
  return prefix.endsWith('/') ? prefix + url.slice(1) : prefix + url
}

/** By which method a URL of a scope is taken; undefined: it is free. */
export function takenBy (app: FastifyInstance, url: string, constraints: RouteOptions['constraints'] = {}): string | undefined {
  return ['GET', 'HEAD'].find((method) => app.hasRoute({ method: method as 'GET', url: fullUrl(app, url), constraints }))
}

/**
 * @param advice What to give where it is taken.
 * @throws FST_SSE_PATH_TAKEN
 */
export function refuseTaken (app: FastifyInstance, url: string, advice: string, constraints?: RouteOptions['constraints']): void {
  const method = takenBy(app, url, constraints)
  if (method !== undefined) throw new PathTaken(method, fullUrl(app, url), advice)
}
