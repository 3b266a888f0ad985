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

/** The route whose `GET` returns the newest payloads, and the event ID to resume from. */
export const recentRoute: FastifyPluginAsync<{ recent: Recent<unknown>, pagesOrigins: string[] }> = async (app, { recent, pagesOrigins }) => {
  await app.register(cors, { origin: pagesOrigins, methods: 'GET' })

  app.get('/', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    // Read before the payloads: the stream then sends every event that is broadcast later, even if the snapshot already contains it.
    const { lastEventId } = app.sse
    return { lastEventId, newest: recent.payloads }
  })
}
