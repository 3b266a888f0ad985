import type { FastifyInstance } from 'fastify'
import { readClientFiles } from './client-files.ts'
import { serveFiles } from './file-routes.ts'
import type { Cors } from './route-options.ts'

/**
 * Serves the browser client, and beside it the modules that it loads on demand.
 *
 * @param url The URL of the client within the scope.
 * @throws FST_SSE_OPTION_INVALID when the client is not built, FST_SSE_PATH_TAKEN when another route has one of the URLs.
 */
export async function serveClient (app: FastifyInstance, url: string, cors: Cors | false): Promise<void> {
  const [client, ...beside] = await readClientFiles('client', url)
  const folder = url.slice(0, url.lastIndexOf('/') + 1)
  await serveFiles(app, [[url, client], ...beside.map((file) => [folder + file.name, file] as const)], {
    cors,
    advice: 'the browser client another URL ("client") or "prefix", or turn it off'
  })
}
