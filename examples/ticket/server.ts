import { randomBytes, randomUUID } from 'node:crypto'
import cors from '@fastify/cors'
import Fastify, { type preHandlerAsyncHookHandler } from 'fastify'
import ssePlugin, { EVERYBODY } from 'fastify-typed-sse'
import { events, messageBody, signInBody, type Message, type SignIn } from '../events.ts'
import { start } from '../start.ts'
import { startPages } from './pages.ts'
import { Tickets } from './tickets.ts'

/** A signed-in user. */
interface Visitor {
  readonly id: string
  readonly user: string
  signedOut: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    visitor: Visitor
  }
}

const TICKET_LIFETIME = 30_000
/** The lifetime of a stream, in milliseconds. After it a reader needs a new ticket, and passes the hooks again. */
const STREAM_LIFETIME = Number(process.env.STREAM_LIFETIME ?? 900) * 1000

const visitors = new Map<string, Visitor>()
const tickets = new Tickets<Visitor>(TICKET_LIFETIME)

const pages = await startPages()
const app = Fastify({
  logger: {
    // Without the query: a ticket opens a stream, so it must not get into the log.
    serializers: { req: ({ method, url, ip }) => ({ method, url: url.replace(/\?.*/, ''), remoteAddress: ip }) }
  }
})
// Fastify's own handler logs the whole URL.
app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: 'Not found' }))
app.decorateRequest('visitor')

// Only the page's origin. This also applies to the plugin's own routes.
await app.register(cors, { origin: [pages.origin] })

const byToken: preHandlerAsyncHookHandler = async (request, reply) => {
  const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? []
  const visitor = visitors.get(token)
  if (visitor === undefined || visitor.signedOut) return reply.code(401).send({ message: 'Sign in first' })
  request.visitor = visitor
}

const byTicket: preHandlerAsyncHookHandler = async (request, reply) => {
  const { ticket } = request.query as { ticket?: unknown }
  const visitor = tickets.redeem(String(ticket))
  if (visitor === undefined || visitor.signedOut) return reply.code(401).send({ message: 'Get a ticket first' })
  request.visitor = visitor
}

await app.register(ssePlugin, {
  events,
  route: { preHandler: byTicket },
  subscribe: ({ visitor: { id, user } }) => ({
    // The last channel gets no broadcasts. It is a handle for the streams of this visitor.
    channels: [EVERYBODY, `user:${user}`, `visitor:${id}`],
    expiresAt: new Date(Date.now() + STREAM_LIFETIME)
  }),
  onSubscribe (_subscriber, { visitor }) {
    // A sign-out while this stream was opening did not find the stream, so check again.
    if (visitor.signedOut) void endStreams(visitor)
  }
})

function endStreams ({ id }: Visitor): Promise<number> {
  return app.sse.channel(`visitor:${id}`).disconnect({ final: true })
}

app.post<{ Body: SignIn }>('/sign-in', { schema: { body: signInBody } }, async ({ body }) => {
  const token = randomBytes(24).toString('base64url')
  visitors.set(token, { id: randomUUID(), user: body.user, signedOut: false })
  return { token }
})

app.post('/tickets', { preHandler: byToken }, async ({ visitor }) => ({ ticket: tickets.issue(visitor) }))

app.post('/sign-out', { preHandler: byToken }, async ({ visitor }, reply) => {
  visitor.signedOut = true
  await endStreams(visitor)
  return reply.code(204).send()
})

app.post<{ Body: Message }>('/messages', { preHandler: byToken, schema: { body: messageBody } }, async ({ body, visitor }) => {
  const channel = app.sse.of(events).channel(body.to === undefined ? EVERYBODY : `user:${body.to}`)
  await channel.broadcast('message', { from: visitor.user, text: body.text })
  return { readers: channel.count() }
})

app.addHook('onClose', () => pages.close())
pages.connectTo(await start(app))
app.log.info(`open ${pages.origin}`)
