import Fastify from 'fastify'
import { Type } from '@sinclair/typebox'
import ssePlugin, { defineEvents } from 'fastify-typed-sse'
import { model } from '../model.ts'
import { start } from '../start.ts'

// Answers for programs that parse the stream themselves: `read.ts` does it with `fetch` and eventsource-parser.

const events = defineEvents({ token: { schema: Type.String(), merge: (older, newer) => older + newer } })

const app = Fastify({ logger: true })
await app.register(ssePlugin, { events, path: false })
const { runs } = app.sse.of(events)

app.post<{ Body: { question: string } }>('/answers', async (request, reply) => {
  const run = await runs.start('token', (signal) => model(request.body.question, signal))
  reply.header('content-location', `/answers/${run.id}`)
  await run.subscribe(reply)
})

interface ById { Params: { id: string } }

app.get<ById>('/answers/:id', (request, reply) => runs.subscribe(reply, request.params.id))
app.delete<ById>('/answers/:id', async (request) => ({ stopped: await runs.stop(request.params.id) }))

app.log.info(`open ${await start(app)}`)
