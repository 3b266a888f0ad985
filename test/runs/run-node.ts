import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import ssePlugin, { type Broker, type SsePluginOptions, type StartOptions } from '../../plugin.ts'
import { redisBroker } from '../../brokers/redis/index.ts'
import { sqliteBroker } from '../../brokers/sqlite/index.ts'

// Nodes with runs.

/** The engine of a node: the URL of Redis, or the file of SQLite. */
export type EngineChoice = { readonly redis: string } | { readonly sqlite: string }

export function brokerOf (choice: EngineChoice): Broker {
  return 'redis' in choice ? redisBroker({ connection: choice.redis }) : sqliteBroker({ file: choice.sqlite })
}

export interface RunNode {
  readonly app: FastifyInstance
  readonly port: number
}

export async function startRunNode (choice: EngineChoice | Broker, options: SsePluginOptions = {}): Promise<RunNode> {
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  await app.register(ssePlugin, { path: false, shutdownTimeout: 1000, reconnectionTime: 20, waitForBroker: 60_000, ...options, broker: 'order' in choice ? choice : brokerOf(choice) })
  app.get<{ Params: { id: string } }>('/runs/:id', (request, reply) => app.sse.runs.subscribe(reply, request.params.id))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: (app.server.address() as AddressInfo).port }
}

/** The items of a run: a word each. */
export const wordOf = (run: string, number: number): string => `${run}/${number}`

/** Starts a run that gives so many words, then ends, or waits until it is stopped if `goesOn`. */
export async function startWords (app: FastifyInstance, words: Words): Promise<string> {
  const { id, count, every = 0, goesOn = false, ...options } = words
  const run = await app.sse.runs.start('message', async function * (signal) {
    for (let number = 1; number <= count; number++) {
      if (every > 0) await new Promise((resolve) => setTimeout(resolve, every))
      yield wordOf(id, number)
    }
    if (goesOn && !signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }, { id, ...options })
  return run.id
}

export interface Words extends StartOptions {
  readonly id: string
  readonly count: number
  /** Milliseconds between two words. */
  readonly every?: number
  readonly goesOn?: boolean
}
