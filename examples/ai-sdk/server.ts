import type { UIMessage, UIMessageChunk } from 'ai'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import ssePlugin, { defineEvents } from 'fastify-typed-sse'
import { model } from '../model.ts'
import { start } from '../start.ts'

// The server of `useChat` (AI SDK): answers that survive a reload, with `resume`.

const events = defineEvents({
  message: {
    schema: Type.Unsafe<UIMessageChunk>(Type.Any()),
    // A page that comes back gets one long part instead of a thousand words.
    merge: (older, newer) => older.type === 'text-delta' && newer.type === 'text-delta' && older.id === newer.id
      ? { ...older, delta: older.delta + newer.delta }
      : undefined
  }
})

const app = Fastify({ logger: true })
await app.register(ssePlugin, { events, path: false })
const { runs } = app.sse.of(events)

/** The run of the answer that each chat waits for. Keep it in your database if you have several processes. */
const answers = new Map<string, string>()
// How the client knows the protocol of the stream.
const PROTOCOL = { 'x-vercel-ai-ui-message-stream': 'v1' }

interface ById { Params: { id: string } }

app.post<{ Body: { id: string, messages: UIMessage[] } }>('/api/chat', async (request, reply) => {
  const { id, messages } = request.body
  const run = await runs.start('message', (signal) => chunksOf(messages, signal))
  answers.set(id, run.id)
  void run.finished.then(() => { if (answers.get(id) === run.id) answers.delete(id) })
  await run.subscribe(reply.headers(PROTOCOL), { plain: true })
})

// The client builds the message again, so it needs the answer from its start.
app.get<ById>('/api/chat/:id/stream', async (request, reply) => {
  const answer = answers.get(request.params.id)
  if (answer === undefined) return reply.code(204).send()
  await runs.subscribe(reply.headers(PROTOCOL), answer, { plain: true })
})

app.delete<ById>('/api/chat/:id', async (request) => {
  const answer = answers.get(request.params.id)
  return { stopped: answer !== undefined && await runs.stop(answer) }
})

async function * chunksOf (messages: readonly UIMessage[], signal: AbortSignal): AsyncGenerator<UIMessageChunk, void, undefined> {
  const question = messages.at(-1)?.parts.map((part) => part.type === 'text' ? part.text : '').join('') ?? ''
  yield { type: 'start' }
  yield { type: 'text-start', id: 'text' }
  for await (const delta of model(question, signal)) yield { type: 'text-delta', id: 'text', delta }
  yield { type: 'text-end', id: 'text' }
  yield { type: 'finish' }
}

app.log.info(`open ${await start(app)}`)
