import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import ssePlugin, { defineEvents } from 'fastify-typed-sse'
import { start } from '../start.ts'

// A job that goes on when its page is reloaded or closed, and a page that shows its progress wherever it is opened.

const events = defineEvents({
  // A page that comes late needs no percentages that others have followed, but every line.
  progress: { schema: Type.Object({ percent: Type.Number() }), merge: (_older, newer) => newer },
  line: { schema: Type.String(), merge: (older, newer) => `${older}\n${newer}` }
})

/** Milliseconds of one percent. */
const PACE = Number(process.env.PACE ?? 80)

const app = Fastify({ logger: true })
await app.register(ssePlugin, { events, path: false })
await app.register(fastifyStatic, { root: fileURLToPath(new URL('public', import.meta.url)) })
const { runs } = app.sse.of(events)

app.post('/jobs', async (_request, reply) => {
  const { id } = await runs.start(work, { id: randomUUID(), keepFor: 3_600_000 })
  return reply.code(202).header('location', `/jobs/${id}`).send({ id })
})

interface ById { Params: { id: string } }

app.get<ById>('/jobs/:id', (request, reply) => runs.subscribe(reply, request.params.id))
app.delete<ById>('/jobs/:id', async (request) => ({ stopped: await runs.stop(request.params.id) }))

async function * work (signal: AbortSignal) {
  for (let percent = 0; percent <= 100; percent++) {
    await pause(PACE, undefined, { signal })
    yield { event: 'progress', data: { percent } } as const
    if (percent % 10 === 0) yield { event: 'line', data: `Step ${percent / 10} of 10` } as const
  }
}

app.log.info(`open ${await start(app)}`)
