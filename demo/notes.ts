import cors from '@fastify/cors'
import type { FastifyPluginAsync } from 'fastify'
import type { Failure } from '../plugin.ts'
import { events, type Note } from './events.ts'

/** The route whose `POST` broadcasts a note. The schema of the event is the only check; its failures are the response. */
export const notesRoute: FastifyPluginAsync<{ pagesOrigins: string[] }> = async (app, { pagesOrigins }) => {
  const sse = app.sse.of(events)
  await app.register(cors, { origin: pagesOrigins, methods: 'POST' })

  app.post('/', { bodyLimit: 4096 }, async (request, reply) => {
    try {
      const { id } = await sse.broadcast('note', request.body as Note)
      return await reply.code(201).send({ id })
    } catch (error) {
      if (!isPayloadInvalid(error)) throw error
      return await reply.code(400).send({
        statusCode: 400,
        error: 'Bad Request',
        code: error.code,
        message: error.message,
        // JSON omits undefined values, so a missing property has the value null here.
        failures: error.failures.map(({ path, rule, value = null }) => ({ path, rule, value }))
      })
    }
  })
}

function isPayloadInvalid (error: unknown): error is Error & { code: string, failures: readonly Failure[] } {
  return error instanceof Error && 'code' in error && error.code === 'FST_SSE_PAYLOAD_INVALID'
}
