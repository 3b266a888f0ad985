import cors from '@fastify/cors'
import { Type, type Static } from '@sinclair/typebox'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Subscriber } from '../plugin.ts'

/**
 * A deliberate outage of a stream: its subscribers are closed, and requests that arrive during the outage get 503.
 */
export class Outage {
  readonly #subscribers = new Set<Subscriber>()
  #until = 0

  // Arrow functions: they are passed as options, without this object.
  readonly onSubscribe = (subscriber: Subscriber): void => { this.#subscribers.add(subscriber) }
  readonly onClose = (subscriber: Subscriber): void => { this.#subscribers.delete(subscriber) }

  readonly onRequest = async (_request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const left = this.#until - performance.now()
    if (left > 0) await reply.code(503).header('retry-after', Math.ceil(left / 1000)).send({ message: 'This outage was requested' })
  }

  /** @returns The number of streams that it ended. */
  begin (seconds: number): number {
    this.#until = performance.now() + seconds * 1000
    const { size } = this.#subscribers
    for (const subscriber of this.#subscribers) subscriber.close()
    return size
  }
}

const body = Type.Object({ seconds: Type.Integer({ minimum: 1, maximum: 30 }) })

/** The route whose `POST` begins an outage. */
export const outageRoute: FastifyPluginAsync<{ outage: Outage, pagesOrigins: string[] }> = async (app, { outage, pagesOrigins }) => {
  await app.register(cors, { origin: pagesOrigins, methods: 'POST' })

  // A JSON body needs a CORS preflight, so a page of a foreign origin cannot begin an outage.
  app.post<{ Body: Static<typeof body> }>('/', { schema: { body } }, async ({ body: { seconds } }) => {
    const ended = outage.begin(seconds)
    app.log.info({ seconds, ended }, 'an outage begins')
    return { seconds, ended }
  })
}
