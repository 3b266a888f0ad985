import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import ssePlugin from '../plugin.ts'
import { memberEvents } from './events.ts'
import { every } from './every.ts'
import { clockText } from './clock-text.ts'

interface MembersOptions {
  /** The origins whose pages may read the members' stream. */
  readonly pagesOrigins: string[]
  /** The origins whose pages may sign in. */
  readonly signInOrigins: () => string[]
}

const PASS = 'demo-pass'

/** The members' hub: a second hub with its own stream, for readers that send the cookie. */
export const members: FastifyPluginAsync<MembersOptions> = async (app, { pagesOrigins, signInOrigins }) => {
  const pass = randomUUID()
  await app.register(cookie)

  every(app, 2000, () => { void app.sse.of(memberEvents).broadcast('message', `members only: ${clockText(new Date())}`) })

  await app.register(ssePlugin, {
    events: memberEvents,
    // The public hub serves the client already.
    client: false,
    cors: { origin: pagesOrigins, credentials: true },
    route: {
      preHandler: async (request, reply) => {
        if (request.cookies[PASS] !== pass) await reply.code(401).send({ message: 'Sign in first' })
      }
    },
    shutdownTimeout: 500
  })

  // The forms have no fields, but browsers send the content type of a form.
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: 1024 }, (_request, _body, done) => done(null))

  app.post('/sign-in', async (request, reply) => {
    return goBack(request, reply, () => { reply.setCookie(PASS, pass, { path: '/members', httpOnly: true, sameSite: 'lax' }) })
  })

  app.post('/sign-out', async (request, reply) => {
    return goBack(request, reply, () => { reply.clearCookie(PASS, { path: '/members' }) })
  })

  function goBack ({ headers: { origin } }: FastifyRequest, reply: FastifyReply, change: () => void): FastifyReply {
    if (origin === undefined || !signInOrigins().includes(origin)) return reply.code(403).send({ message: 'Only the pages of this demo may sign in' })
    change()
    return reply.redirect(`${origin}/credentials.html`, 303)
  }
}
