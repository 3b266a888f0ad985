import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import Fastify, { LogController, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { originsOf, portOf } from './origins.ts'
import { setUpPages } from './page-setting.ts'

export const PUBLIC = fileURLToPath(new URL('../public/demo', import.meta.url))

const CLIENT = fileURLToPath(new URL('../browser', import.meta.url))

interface PagesOptions {
  readonly host: string
  /** Returns the port of the event streams; called for every request. */
  readonly streamsPort: () => number
  readonly logger: FastifyServerOptions['logger']
}

/** Builds the server of the second origin, which serves the demo pages without event streams. */
export async function buildPages ({ host, streamsPort, logger }: PagesOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger: logger ?? false, logController: new LogController({ disableRequestLogging: true }), forceCloseConnections: true })
  setUpPages(app, {
    ports: () => ({ streams: streamsPort(), pages: portOf(app) }),
    connectTo: () => originsOf(host, streamsPort())
  })
  await app.register(fastifyStatic, { root: PUBLIC, dotfiles: 'ignore' })
  // The client comes from this server, so the pages open while the server of the streams is down.
  await app.register(fastifyStatic, { root: CLIENT, prefix: '/sse/', dotfiles: 'ignore', decorateReply: false })
  return app
}
