import { setTimeout as pause } from 'node:timers/promises'
import cors from '@fastify/cors'
import { Type, type Static } from '@sinclair/typebox'
import type { FastifyPluginAsync } from 'fastify'
import { answerEvents } from './events.ts'

/** Milliseconds between two words. */
const PACE = 120

// What the model knows.
const ANSWERS = [
  'An answer like this one has a name, and a source that goes on by itself. The server keeps every word, and gives each page what it lacks: ' +
    'after a reload, in a second window, after the connection was cut. When the last word has come, every page is told so, and stays away.',
  'A page that comes late gets all words so far as one long text, because nobody wants to wait for them twice. From then on it gets each word as it ' +
    'comes. The number of the last word is the last event ID, so nothing is missing, and nothing comes again.',
  'Nobody needs to read while a model thinks. You may close this window, have a coffee, and open the address again: the answer waits for a minute after ' +
    'its end. If you do not like it, press Stop, and every window sees that it was stopped.'
]

const params = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) })
const body = Type.Object({ question: Type.String({ minLength: 1, maxLength: 280 }) })

interface ById { Params: Static<typeof params> }

/** The routes of answers: `POST` asks, `GET` reads on, `DELETE` stops, and `POST …/cut` pulls the plug. */
export const answersRoute: FastifyPluginAsync<{ pagesOrigins: string[] }> = async (app, { pagesOrigins }) => {
  const { runs } = app.sse.of(answerEvents)
  await app.register(cors, { origin: pagesOrigins, methods: ['GET', 'POST', 'DELETE'], exposedHeaders: ['content-location'] })

  // The page names the answer, so that it can show the name in its address at once.
  app.post<ById & { Body: Static<typeof body> }>('/:id', { schema: { params, body } }, async (request, reply) => {
    const { id } = request.params
    const run = await runs.start('token', (signal) => model(request.body.question, signal), { id, stopWhenUnread: 60_000 })
    reply.header('content-location', `/answers/${id}`)
    await run.subscribe(reply, { context: { answer: id } })
  })

  app.get<ById>('/:id', { schema: { params } }, async (request, reply) => {
    await runs.subscribe(reply, request.params.id, { context: { answer: request.params.id } })
  })

  app.delete<ById>('/:id', { schema: { params } }, async (request) => ({ stopped: await runs.stop(request.params.id) }))

  app.post<ById>('/:id/cut', { schema: { params } }, async (request) => {
    return { cut: await app.sse.disconnect(({ context }) => 'answer' in context && context.answer === request.params.id) }
  })
}

/** A model that needs no network: it gives the same answer to the same question, word by word. */
async function * model (question: string, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const answer = ANSWERS[Array.from(question).reduce((sum, letter) => sum + letter.codePointAt(0)!, 0) % ANSWERS.length]!
  for (const word of answer.match(/\S+\s*/g)!) {
    // Rejects when the answer is stopped.
    await pause(PACE, undefined, { signal })
    yield word
  }
}
