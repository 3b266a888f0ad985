import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { forbidCaching } from '../open/plain-responses.ts'
import { browserFile, readClientFiles, readInspectorFiles } from './browser-files.ts'
import { redirectWhereFree, serveFiles } from './file-routes.ts'
import type { EventDescription } from '../schema/event-types.ts'

/** What the inspector is told of the hub, as `events.json`. */
interface Inspected {
  /** The full path of the stream route; null where there is none. */
  readonly stream: string | null
  /** Null: any event goes. */
  readonly events: readonly EventDescription[] | null
}

// Any origin to connect to: it may look at a stream of another.
const POLICY = [
  "default-src 'self'", "connect-src 'self' http: https:", "img-src 'self' data:", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"
].join('; ')

/**
 * Serves the inspector, with the browser client and `events.json` beside it. No page of another origin may read any of it.
 *
 * @param url Ends in "/".
 * @throws FST_SSE_OPTION_INVALID where the browser client was not built, FST_SSE_PATH_TAKEN
 */
export async function serveInspector (app: FastifyInstance, url: string, inspected: Inspected): Promise<void> {
  const files = [
    ...await readInspectorFiles(),
    ...await readClientFiles('inspector', url),
    browserFile('events.json', Buffer.from(toJson(inspected)))
  ]
  await serveFiles(app, files.map((file) => [url + (file.name === 'index.html' ? '' : file.name), file]), {
    cors: false,
    advice: 'the inspector another place ("inspector") or "prefix"',
    preHandler: async (request, reply) => {
      if (reply.getHeader('content-security-policy') === undefined) reply.header('content-security-policy', POLICY)
      // An application that ignores trailing slashes has one route for both.
      if (request.routeOptions.url!.endsWith('/') && !pathOf(request).endsWith('/')) return addSlash(request, reply)
    }
  })
  redirectWhereFree(app, url.slice(0, -1), addSlash)
}

/** A schema may hold bigints, as bounds or a default, for which there is no JSON. */
function toJson (inspected: Inspected): string {
  return JSON.stringify(inspected, (_key, value: unknown) => typeof value === 'bigint' ? String(value) : value)
}

/** Relative: a proxy in front may have taken something off the path. */
function addSlash (request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = pathOf(request)
  // Fastify's redirects may be kept by a cache that is told to keep anything.
  return forbidCaching(reply).redirect(`./${path.slice(path.lastIndexOf('/') + 1)}/${request.originalUrl.slice(path.length)}`)
}

function pathOf ({ originalUrl }: FastifyRequest): string {
  const [path] = originalUrl.split('?', 1)
  return path!
}
