import Fastify from 'fastify'
import { servePage } from '../start.ts'

/** Starts the other origin: a server of the pages, which knows only the URL of the streams. */
export async function startPages (): Promise<{ origin: string, connectTo: (api: string) => void, close: () => Promise<void> }> {
  const app = Fastify()
  let api = ''
  app.get('/config.json', async () => ({ api }))
  // A compromised page cannot send the events that it hears elsewhere: it may connect only to these two origins.
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', `default-src 'self'; img-src data:; connect-src 'self' ${api}`)
  })
  await servePage(app, new URL(import.meta.url))
  const origin = await app.listen({ host: '127.0.0.1', port: Number(process.env.PAGES_PORT ?? 3001) })
  return { origin, connectTo: (url) => { api = url }, close: async () => { await app.close() } }
}
