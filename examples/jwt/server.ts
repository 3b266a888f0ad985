import { randomBytes, randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import jwt from '@fastify/jwt'
import Fastify, { type FastifyReply, type preHandlerAsyncHookHandler } from 'fastify'
import ssePlugin, { EVERYBODY } from 'fastify-typed-sse'
import { events, messageBody, signInBody, type Message, type SignIn } from '../events.ts'
import { servePage, start } from '../start.ts'

interface Claims {
  /** The name of the user. */
  readonly sub: string
  /** The ID of the sign-in. */
  readonly jti: string
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: Claims
    user: Claims & { readonly exp: number }
  }
}

/** The lifetime of a token, in seconds. */
const LIFETIME = Number(process.env.TOKEN_LIFETIME ?? 300)

const revoked = new Set<string>()

function revoke (id: string): void {
  revoked.add(id)
  // By then every token with this ID has expired, including one that was issued at the moment of the revocation.
  setTimeout(() => revoked.delete(id), 2 * LIFETIME * 1000).unref()
}

const app = Fastify({ logger: true })

await app.register(cookie)
await app.register(jwt, {
  // Store your own secret outside the program: a new secret at every start invalidates all tokens.
  secret: randomBytes(32).toString('hex'),
  sign: { expiresIn: `${LIFETIME}s` },
  // An EventSource cannot set headers, but the browser sends cookies. Other readers may send `Authorization: Bearer …` instead.
  cookie: { cookieName: 'token', signed: false },
  trusted: (_request, { jti }) => !revoked.has(jti)
})

const authenticate: preHandlerAsyncHookHandler = async (request) => { await request.jwtVerify() }

await app.register(ssePlugin, {
  events,
  cors: false,
  route: { preHandler: authenticate },
  subscribe: ({ user }) => ({
    // The last channel gets no broadcasts. It is a handle for the streams of this sign-in.
    channels: [EVERYBODY, `user:${user.sub}`, `sign-in:${user.jti}`],
    // The reader comes back with its current token.
    expiresAt: new Date(user.exp * 1000)
  }),
  onSubscribe (_subscriber, { user }) {
    // A sign-out while this stream was opening did not find the stream, so check again.
    if (revoked.has(user.jti)) void endStreams(user.jti)
  }
})

function endStreams (id: string): Promise<number> {
  return app.sse.channel(`sign-in:${id}`).disconnect({ final: true })
}

async function giveToken (reply: FastifyReply, { sub, jti }: Claims): Promise<{ expiresIn: number }> {
  const token = await reply.jwtSign({ sub, jti })
  reply.setCookie('token', token, { path: '/', httpOnly: true, sameSite: 'strict', secure: 'auto', maxAge: LIFETIME })
  return { expiresIn: LIFETIME }
}

app.post<{ Body: SignIn }>('/sign-in', { schema: { body: signInBody } }, async ({ body }, reply) => giveToken(reply, { sub: body.user, jti: randomUUID() }))

// A renewed token keeps the ID of the sign-in, so signing out also ends the streams that an earlier token opened.
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
