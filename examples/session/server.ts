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

/** The lifetime of a session, in milliseconds. */
const LIFETIME = Number(process.env.SESSION_LIFETIME ?? 3600) * 1000

const app = Fastify({ logger: true })

await app.register(cookie)
await app.register(session, {
  // Store your own secret outside the program: a new secret at every start signs all users out.
  secret: randomBytes(32).toString('hex'),
  cookie: { sameSite: 'lax', secure: 'auto', maxAge: LIFETIME },
  saveUninitialized: false,
  // Otherwise a stream that opens while its user signs out would save the destroyed session again.
  rolling: false
})

const authenticate: preHandlerAsyncHookHandler = async ({ session }, reply) => {
  if (session.signedIn === undefined) return reply.code(401).send({ message: 'Sign in first' })
}

await app.register(ssePlugin, {
  events,
  // The page has this origin, and pages of other origins may not read the stream.
  cors: false,
  route: { preHandler: authenticate },
  subscribe: ({ session: { sessionId, signedIn } }) => ({
    // The last channel gets no broadcasts. It is a handle for the streams of this session.
    channels: [EVERYBODY, `user:${signedIn!.user}`, `session:${sessionId}`],
    expiresAt: new Date(signedIn!.until)
  }),
  onSubscribe (_subscriber, { session: { sessionId }, sessionStore }) {
    // A sign-out while this stream was opening did not find the stream, so check again.
    sessionStore.get(sessionId, (_error, kept) => { if (kept?.signedIn === undefined) void endStreams(sessionId) })
  }
})

function endStreams (sessionId: string): Promise<number> {
  return app.sse.channel(`session:${sessionId}`).disconnect({ final: true })
}

app.post<{ Body: SignIn }>('/sign-in', { schema: { body: signInBody } }, async (request, reply) => {
  // A new session ID: another person may know the previous one.
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
