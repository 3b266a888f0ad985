import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import ssePlugin, { type Broker, type OrderBounds, type SsePluginOptions } from '../../plugin.ts'
import { ContractNode } from '../../testing/contract/contract-node.ts'
import { HoppingReader } from './hopping-reader.ts'

// Nodes in the process of the test, for faults of the engine.

export interface AfterTest {
  teardown: (callback: () => unknown) => void
}

/** A node, and one reader that reads from its start. */
export interface StartedNode {
  readonly app: FastifyInstance
  readonly port: number
  readonly reader: HoppingReader
  /** Log lines at `warn` and above. */
  readonly complaints: string[]
  broadcast: (payload: string, ephemeral?: boolean) => Promise<string | null>
}

/** Starts a node, which is closed after the test. */
export async function startNode (t: AfterTest, broker: Broker, options: Omit<SsePluginOptions, 'prefix' | 'broker'> = {}): Promise<StartedNode> {
  const complaints: string[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => complaints.push(line) } } })
  t.teardown(() => app.close())
  await app.register(ssePlugin, { shutdownTimeout: 500, reconnectionTime: 20, waitForBroker: 300_000, ...options, broker })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const reader = new HoppingReader(() => [port])
  t.teardown(() => reader.close())
  await reader.connect()
  return { app, port, reader, complaints, broadcast: async (payload, ephemeral = false) => (await app.sse.broadcast('message', payload, { ephemeral })).id }
}

/** Starts a broker and one order of it, which are closed after the test. */
export async function startOrder (t: AfterTest, broker: Broker, bounds: Partial<OrderBounds> = {}): ReturnType<ContractNode['start']> {
  const node = new ContractNode(broker)
  t.teardown(() => node.close())
  await broker.start({ down () {}, up () {}, skipped () {} })
  return node.start('events', bounds)
}
