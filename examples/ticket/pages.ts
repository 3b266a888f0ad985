import Fastify from 'fastify'
import { servePage } from '../start.ts'

/** The other origin: a server of pages, which knows no more of the streams than where they are. */
export async function startPages (): Promise<{ origin: string, connectTo: (api: string) => void, close: () => Promise<void> }> {
  const app = Fastify()
  let api = ''
  app.get('/config.json', async () => ({ api }))
  // A page that was taken over cannot carry off what it hears: it may connect to these two, and to nobody else.
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', `default-src 'self'; img-src data:; connect-src 'self' ${api}`)
  })
  await servePage(app, new URL(import.meta.url))
  const origin = await app.listen({ host: '127.0.0.1', port: Number(process.env.PAGES_PORT ?? 3001) })
  return { origin, connectTo: (url) => { api = url }, close: async () => { await app.close() } }
}
