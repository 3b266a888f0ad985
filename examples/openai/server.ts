import type { ChatCompletionChunk, ChatCompletionCreateParams } from 'openai/resources/chat/completions'
import { randomUUID } from 'node:crypto'
import Fastify from 'fastify'
import ssePlugin from 'fastify-typed-sse'
import { model } from '../model.ts'
import { start } from '../start.ts'

// An endpoint for clients of OpenAI's chat completions.

const app = Fastify({ logger: true })
await app.register(ssePlugin, { path: false })

app.post<{ Body: ChatCompletionCreateParams }>('/v1/chat/completions', async (request, reply) => {
  if (request.body.stream !== true) return reply.code(400).send({ error: { message: '"stream" must be true', type: 'invalid_request_error' } })
  // The protocol has no way to come back, so the answer ends with its reader.
  const subscriber = await app.sse.subscribe(reply, { channels: [], plain: { end: '[DONE]' } })
  await subscriber.stream('message', (signal) => chunksOf(request.body, signal))
})

type Chunks = AsyncGenerator<ChatCompletionChunk, void, undefined>

async function * chunksOf ({ model: name, messages }: ChatCompletionCreateParams, signal: AbortSignal): Chunks {
  const chunk = { id: randomUUID(), object: 'chat.completion.chunk', created: Math.trunc(Date.now() / 1000), model: name } as const
  const answer = model(JSON.stringify(messages.at(-1)?.content), signal)
  for await (const content of answer) yield { ...chunk, choices: [{ index: 0, delta: { content }, finish_reason: null }] }
  yield { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
}

app.log.info(`open ${await start(app)}`)
