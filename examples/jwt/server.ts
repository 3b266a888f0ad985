import { randomBytes, randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import jwt from '@fastify/jwt'
import Fastify, { type FastifyReply, type preHandlerAsyncHookHandler } from 'fastify'
import ssePlugin, { EVERYBODY } from 'fastify-typed-sse'
import { events, messageBody, signInBody, type Message, type SignIn } from '../events.ts'
import { servePage, start } from '../start.ts'

interface Claims {
  /** The user. */
  readonly sub: string
  /** The sign-in. */
  readonly jti: string
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: Claims
    user: Claims & { readonly exp: number }
  }
}

/** Seconds. */
const LIFETIME = Number(process.env.TOKEN_LIFETIME ?? 300)

const revoked = new Set<string>()

function revoke (id: string): void {
  revoked.add(id)
  // By then every token of that id has expired, one that was given out at the same moment included.
  setTimeout(() => revoked.delete(id), 2 * LIFETIME * 1000).unref()
}

const app = Fastify({ logger: true })

await app.register(cookie)
await app.register(jwt, {
  // Keep one of your own outside the program: with a new one at every start no token is worth anything any more.
  secret: randomBytes(32).toString('hex'),
  sign: { expiresIn: `${LIFETIME}s` },
  // An EventSource cannot set headers, but its browser sends cookies. Readers that can may send `Authorization: Bearer …` instead.
  cookie: { cookieName: 'token', signed: false },
  trusted: (_request, { jti }) => !revoked.has(jti)
})

const authenticate: preHandlerAsyncHookHandler = async (request) => { await request.jwtVerify() }

await app.register(ssePlugin, {
  events,
  cors: false,
  route: { preHandler: authenticate },
  subscribe: ({ user }) => ({
    // Nothing is ever broadcast to the last one. It is a handle on the streams of this sign-in.
    channels: [EVERYBODY, `user:${user.sub}`, `sign-in:${user.jti}`],
    // Its reader comes back with the token that it has by then.
    expiresAt: new Date(user.exp * 1000)
  }),
  onSubscribe (_subscriber, { user }) {
    // Whoever is signed out while the stream opens is not among those that end with it: look once more.
    if (revoked.has(user.jti)) void endStreams(user.jti)
  }
})

function endStreams (id: string): Promise<number> {
  return app.sse.channel(`sign-in:${id}`).disconnect(() => true, { final: true })
}

async function giveToken (reply: FastifyReply, { sub, jti }: Claims): Promise<{ expiresIn: number }> {
  const token = await reply.jwtSign({ sub, jti })
  reply.setCookie('token', token, { path: '/', httpOnly: true, sameSite: 'strict', secure: 'auto', maxAge: LIFETIME })
  return { expiresIn: LIFETIME }
}

app.post<{ Body: SignIn }>('/sign-in', { schema: { body: signInBody } }, async ({ body }, reply) => giveToken(reply, { sub: body.user, jti: randomUUID() }))

// The same id again: signing out ends the streams that an earlier token opened, too.
app.post('/renewals', { preHandler: authenticate }, async ({ user }, reply) => giveToken(reply, user))

app.post('/sign-out', { preHandler: authenticate }, async ({ user }, reply) => {
  revoke(user.jti)
  await endStreams(user.jti)
  return reply.clearCookie('token', { path: '/' }).code(204).send()
})

app.post<{ Body: Message }>('/messages', { preHandler: authenticate, schema: { body: messageBody } }, async ({ body, user }) => {
  const channel = app.sse.of(events).channel(body.to === undefined ? EVERYBODY : `user:${body.to}`)
  await channel.broadcast('message', { from: user.sub, text: body.text })
  return { readers: channel.count() }
})

await servePage(app, new URL(import.meta.url))
app.log.info(`open ${await start(app)}`)
