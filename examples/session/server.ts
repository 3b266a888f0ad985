import { randomBytes } from 'node:crypto'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify, { type preHandlerAsyncHookHandler } from 'fastify'
import ssePlugin, { EVERYBODY } from 'fastify-typed-sse'
import { events, messageBody, signInBody, type Message, type SignIn } from '../events.ts'
import { servePage, start } from '../start.ts'

declare module 'fastify' {
  interface Session {
    signedIn?: { user: string, until: number }
  }
}

/** Milliseconds. */
const LIFETIME = Number(process.env.SESSION_LIFETIME ?? 3600) * 1000

const app = Fastify({ logger: true })

await app.register(cookie)
await app.register(session, {
  // Keep one of your own outside the program: with a new one at every start everybody has to sign in again.
  secret: randomBytes(32).toString('hex'),
  cookie: { sameSite: 'lax', secure: 'auto', maxAge: LIFETIME },
  saveUninitialized: false,
  // A stream that opens while its user signs out would save the session that was destroyed just now.
  rolling: false
})

const authenticate: preHandlerAsyncHookHandler = async ({ session }, reply) => {
  if (session.signedIn === undefined) return reply.code(401).send({ message: 'Sign in first' })
}

await app.register(ssePlugin, {
  events,
  // The page is of this origin, and no other has anything to read here.
  cors: false,
  route: { preHandler: authenticate },
  subscribe: ({ session: { sessionId, signedIn } }) => ({
    // Nothing is ever broadcast to the last one. It is a handle on the streams of this session.
    channels: [EVERYBODY, `user:${signedIn!.user}`, `session:${sessionId}`],
    expiresAt: new Date(signedIn!.until)
  }),
  onSubscribe (_subscriber, { session: { sessionId }, sessionStore }) {
    // Whoever signs out while the stream opens is not among those that end with it: look once more.
    sessionStore.get(sessionId, (_error, kept) => { if (kept?.signedIn === undefined) void endStreams(sessionId) })
  }
})

function endStreams (sessionId: string): Promise<number> {
  return app.sse.channel(`session:${sessionId}`).disconnect(() => true, { final: true })
}

app.post<{ Body: SignIn }>('/sign-in', { schema: { body: signInBody } }, async (request, reply) => {
  // A new id: somebody else may know the one before.
  await request.session.regenerate()
  request.session.signedIn = { user: request.body.user, until: Date.now() + LIFETIME }
  return reply.code(204).send()
})

app.post('/sign-out', { preHandler: authenticate }, async ({ session }, reply) => {
  await session.destroy()
  await endStreams(session.sessionId)
  return reply.clearCookie('sessionId', { path: '/' }).code(204).send()
})

app.post<{ Body: Message }>('/messages', { preHandler: authenticate, schema: { body: messageBody } }, async ({ body, session }) => {
  const channel = app.sse.of(events).channel(body.to === undefined ? EVERYBODY : `user:${body.to}`)
  await channel.broadcast('message', { from: session.signedIn!.user, text: body.text })
  return { readers: channel.count() }
})

await servePage(app, new URL(import.meta.url))
app.log.info(`open ${await start(app)}`)
