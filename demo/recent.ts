import cors from '@fastify/cors'
import type { FastifyPluginAsync } from 'fastify'

/** The newest payloads of one event. */
export class Recent<T> {
  readonly #limit: number
  readonly #payloads: T[] = []

  constructor (limit: number) {
    this.#limit = limit
  }

  get payloads (): readonly T[] { return this.#payloads }

  add (payload: T): void {
    this.#payloads.push(payload)
    if (this.#payloads.length > this.#limit) this.#payloads.shift()
  }
}

/** `GET` gives the state so far, and the event ID to go on from. */
export const recentRoute: FastifyPluginAsync<{ recent: Recent<unknown>, pagesOrigins: string[] }> = async (app, { recent, pagesOrigins }) => {
  await app.register(cors, { origin: pagesOrigins, methods: 'GET' })

  app.get('/', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    // The event ID first: what is broadcast after it was read comes by the stream, even if the snapshot has it already.
    const { lastEventId } = app.sse
    return { lastEventId, newest: recent.payloads }
  })
}
