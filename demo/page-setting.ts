import type { FastifyInstance } from 'fastify'

/** Where the two servers are. */
interface Ports {
  readonly streams: number
  readonly pages: number
}

interface PageSetting {
  readonly ports: () => Ports
  /** Origins besides its own that a page may connect to, and send its forms to. */
  readonly connectTo: () => string[]
}

/** What the pages need of the server that they come from: `GET /config.json`, and the headers that protect them. */
export function setUpPages (app: FastifyInstance, { ports, connectTo }: PageSetting): void {
  app.addHook('onRequest', async (_request, reply) => {
    const origins = ["'self'", ...connectTo()].join(' ')
    reply.headers({
      'content-security-policy': `default-src 'self'; connect-src ${origins}; form-action ${origins}; base-uri 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff'
    })
  })

  app.get('/config.json', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return ports()
  })
}
