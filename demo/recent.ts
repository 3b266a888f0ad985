import cors from '@fastify/cors'
import type { FastifyPluginAsync } from 'fastify'
import type { Machine } from './events.ts'

/** The newest samples, as many as the chart of the start page is wide. */
export class Recent {
  readonly #limit: number
  readonly #samples: Machine[] = []

  constructor (limit: number) {
    this.#limit = limit
  }

  get samples (): readonly Machine[] { return this.#samples }

  add (sample: Machine): void {
    this.#samples.push(sample)
    if (this.#samples.length > this.#limit) this.#samples.shift()
  }
}

/** `GET` gives the state so far, and the event ID to go on from. */
export const recentRoute: FastifyPluginAsync<{ recent: Recent, pagesOrigins: string[] }> = async (app, { recent, pagesOrigins }) => {
  await app.register(cors, { origin: pagesOrigins, methods: 'GET' })

  app.get('/', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { lastEventId: app.sse.lastEventId, samples: recent.samples }
  })
}
