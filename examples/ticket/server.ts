import { randomBytes, randomUUID } from 'node:crypto'
import cors from '@fastify/cors'
import Fastify, { type preHandlerAsyncHookHandler } from 'fastify'
import ssePlugin, { EVERYBODY } from 'fastify-typed-sse'
import { events, messageBody, signInBody, type Message, type SignIn } from '../events.ts'
import { start } from '../start.ts'
import { startPages } from './pages.ts'
import { Tickets } from './tickets.ts'

/** Somebody who has signed in. */
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
/** Milliseconds, after which a reader needs a new ticket, and is judged anew. */
const STREAM_LIFETIME = Number(process.env.STREAM_LIFETIME ?? 900) * 1000

const visitors = new Map<string, Visitor>()
const tickets = new Tickets<Visitor>(TICKET_LIFETIME)

const pages = await startPages()
const app = Fastify({
  logger: {
    // Without the query: what opens a stream does not belong into a log.
    serializers: { req: ({ method, url, ip }) => ({ method, url: url.replace(/\?.*/, ''), remoteAddress: ip }) }
  }
})
// Fastify's own puts the whole URL into the log.
app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: 'Not found' }))
app.decorateRequest('visitor')

// The page's origin, and no other. The plugin leaves its own routes to this, too.
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
    // Nothing is ever broadcast to the last one. It is a handle on the streams of this visitor.
    channels: [EVERYBODY, `user:${user}`, `visitor:${id}`],
    expiresAt: new Date(Date.now() + STREAM_LIFETIME)
  }),
  onSubscribe (_subscriber, { visitor }) {
    // Whoever signs out while the stream opens is not among those that end with it: look once more.
    if (visitor.signedOut) void endStreams(visitor)
  }
})

function endStreams ({ id }: Visitor): Promise<number> {
  return app.sse.channel(`visitor:${id}`).disconnect(() => true, { final: true })
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
