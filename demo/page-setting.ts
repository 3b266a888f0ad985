import type { FastifyInstance } from 'fastify'

/** The ports of the two servers. */
interface Ports {
  readonly streams: number
  readonly pages: number
}

interface PageSetting {
  readonly ports: () => Ports
  /** Origins other than its own that a page may connect to and send forms to. */
  readonly connectTo: () => string[]
}

/** Adds what the demo pages need from their server: `GET /config.json` and protective headers. */
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
