import { EventType, type BaseEvent, type RunAgentInput } from '@ag-ui/client'
import Fastify from 'fastify'
import ssePlugin from 'fastify-typed-sse'
import { model } from '../model.ts'
import { start } from '../start.ts'

// An agent for clients of AG-UI.

const app = Fastify({ logger: true })
await app.register(ssePlugin, { path: false })

app.post<{ Body: RunAgentInput }>('/agent', async (request, reply) => {
  // The protocol has no way to come back, so the agent ends with its reader.
  const subscriber = await app.sse.subscribe(reply, { channels: [], plain: true })
  await subscriber.stream('message', (signal) => eventsOf(request.body, signal))
})

type AgentEvents = AsyncGenerator<BaseEvent & Record<string, unknown>, void, undefined>

async function * eventsOf ({ threadId, runId, messages }: RunAgentInput, signal: AbortSignal): AgentEvents {
  const messageId = `answer-${runId}`
  yield { type: EventType.RUN_STARTED, threadId, runId }
  yield { type: EventType.TEXT_MESSAGE_START, messageId, role: 'assistant' }
  const answer = model(JSON.stringify(messages.at(-1)?.content), signal)
  for await (const delta of answer) yield { type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta }
  yield { type: EventType.TEXT_MESSAGE_END, messageId }
  yield { type: EventType.RUN_FINISHED, threadId, runId }
}

app.log.info(`open ${await start(app)}`)
