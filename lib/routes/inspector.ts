import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { forbidCaching } from '../open/refusals.ts'
import { readClientFiles } from './client-files.ts'
import { browserFile, type BrowserFile } from './file-response.ts'
import { redirectWhereFree, serveFiles } from './file-routes.ts'
import { readPluginFiles } from './plugin-files.ts'
import type { EventDescription } from '../schema/event-types.ts'

// Serves the inspector.

/** The description of the hub for the inspector, served as `events.json`. */
interface Inspected {
  /** The full path of the stream route; null if there is none. */
  readonly stream: string | null
  /** The declared events; null if no events are declared. */
  readonly events: readonly EventDescription[] | null
}

// `connect-src` allows any origin, because the inspector can show streams of other servers.
const POLICY = [
  "default-src 'self'", "connect-src 'self' http: https:", "img-src 'self' data:", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"
].join('; ')

/**
 * Serves the inspector, with the browser client and `events.json` beside it. Pages of other origins may not read these files.
 *
 * @param url The URL of the inspector within the scope; it ends in "/".
 * @throws FST_SSE_OPTION_INVALID when the browser client is not built, FST_SSE_PATH_TAKEN when another route has one of the URLs.
 */
export async function serveInspector (app: FastifyInstance, url: string, inspected: Inspected): Promise<void> {
  const files = [
    ...await readInspectorFiles(),
    ...await readClientFiles('inspector', url),
    browserFile('events.json', Buffer.from(toJson(inspected)))
  ]
  await serveFiles(app, files.map((file) => [url + (file.name === 'index.html' ? '' : file.name), file]), {
    cors: false,
    advice: 'the inspector another path ("inspector") or "prefix"',
    preHandler: async (request, reply) => {
      if (reply.getHeader('content-security-policy') === undefined) reply.header('content-security-policy', POLICY)
      // With Fastify's `ignoreTrailingSlash`, this route also matches the URL without the slash.
      if (request.routeOptions.url!.endsWith('/') && !pathOf(request).endsWith('/')) return addSlash(request, reply)
    }
  })
  redirectWhereFree(app, url.slice(0, -1), addSlash)
}

/** Reads the inspector's own files. */
async function readInspectorFiles (): Promise<BrowserFile[]> {
  return [...await readPluginFiles('public/inspector')].map(([name, body]) => browserFile(name, body))
}

/** Encodes the description as JSON. BigInts, which a schema may have as bounds or defaults, become text. */
function toJson (inspected: Inspected): string {
  return JSON.stringify(inspected, (_key, value: unknown) => typeof value === 'bigint' ? String(value) : value)
}

/** Redirects to the URL with a slash at the end. The redirect is relative, because a proxy may have removed a prefix from the path. */
function addSlash (request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = pathOf(request)
  // A cache with its own lifetime rules might store the redirect.
  return forbidCaching(reply).redirect(`./${path.slice(path.lastIndexOf('/') + 1)}/${request.originalUrl.slice(path.length)}`)
}

function pathOf ({ originalUrl }: FastifyRequest): string {
  const [path] = originalUrl.split('?', 1)
  return path!
}
