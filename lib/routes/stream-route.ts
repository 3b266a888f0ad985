import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { forbidCaching } from '../open/refusals.ts'
import { declareForBrowsers, methodsOf } from './cors.ts'
import type { Cors, StreamRoute } from './route-options.ts'
import { claim } from './urls.ts'

// The route of the event stream: the one that the plugin declares itself. An application may call `app.sse.subscribe` in routes of its own.

/**
 * Reserves the URL of the stream route.
 *
 * @throws FST_SSE_PATH_TAKEN when another route has it
 */
export function claimStreamRoute (app: FastifyInstance, url: string, route: StreamRoute, cors: Cors | false): void {
  claim(app, [url], { methods: methodsOf(app, cors), constraints: route.constraints, advice: 'the event stream another "path" or "prefix"' })
}

/** Declares the stream route. `open` answers its requests, HEAD included. */
export async function serveStream (
  app: FastifyInstance, url: string, route: StreamRoute, cors: Cors | false, open: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>
): Promise<void> {
  await declareForBrowsers(app, cors, {
    ...route,
    method: ['GET', 'HEAD'],
    url,
    // A HEAD twin of Fastify's own would open a stream and never answer.
    exposeHeadRoute: false,
    onError: [async (_request, reply) => { forbidCaching(reply) }, ...[route.onError ?? []].flat()],
    handler: async (request, reply) => { await open(request, reply) }
  })
}
