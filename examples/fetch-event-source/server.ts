import Fastify from 'fastify'
import { Type } from '@sinclair/typebox'
import ssePlugin, { defineEvents, errorCodes } from 'fastify-typed-sse'
import { model } from '../model.ts'
import { start } from '../start.ts'

// Answers for @microsoft/fetch-event-source, which sends its POST again when it was cut off, with the last event ID. The page names the answer, so
// that a request that comes again does not start another one.

const events = defineEvents({ message: { schema: Type.String(), merge: (older, newer) => older + newer } })

const app = Fastify({ logger: true })
await app.register(ssePlugin, { events, path: false })
const { runs } = app.sse.of(events)

app.post<{ Params: { id: string }, Body: { question: string } }>('/answers/:id', async (request, reply) => {
  const { id } = request.params
  try {
    await runs.start('message', (signal) => model(request.body.question, signal), { id })
  } catch (error) {
    if (!(error instanceof errorCodes.FST_SSE_RUN_EXISTS)) throw error
  }
  await runs.subscribe(reply, id, { plain: { end: '[DONE]' } })
})

app.log.info(`open ${await start(app)}`)
