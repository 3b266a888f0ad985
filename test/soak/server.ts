import type { AddressInfo } from 'node:net'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import ssePlugin, { defineEvents, EVERYBODY } from '../../plugin.ts'
import { numbered, usedBytes } from '../flows/numbered-reader.ts'
import { FAULTS, FILLS, type Fault, type Numbers, type Sample } from './told.ts'

// The server of a soak, in a separate process: it publishes, and reports its state on request.

export type AskedOfServer = 'sample' | 'stop' | 'farewell'
export type ToldByServer =
  | { readonly what: 'listening', readonly port: number }
  | { readonly what: 'sample', readonly sample: Sample }
  | { readonly what: 'stopped' }
  | { readonly what: 'numbers', readonly numbers: Numbers }

const BATCH_INTERVAL = 20
const FAULT_EVERY = 25

const faults = new Set<string>(process.argv.slice(2))

const events = defineEvents({
  message: Type.String(),
  typing: { schema: Type.Object({ n: Type.Number() }), ephemeral: true },
  cursor: { schema: Type.Object({ key: Type.String(), n: Type.Number() }), latestBy: ({ key }) => key }
})

const app = Fastify()
await app.register(ssePlugin, {
  events,
  history: { maxEvents: 1000, maxBytes: 4 * 1024 * 1024 },
  // Short, so that each of them occurs repeatedly.
  heartbeatInterval: 1000,
  stallTimeout: 5000,
  maxLifetime: 20_000,
  idleTimeout: 10_000,
  shutdownTimeout: 0,
  subscribe: ({ query }) => ({ channels: [(query as { room?: string }).room ?? EVERYBODY] }),
  onSubscribe: () => { if (faults.has('timers' satisfies Fault)) setInterval(() => {}, 60_000) }
})
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
const sse = app.sse.of(events)

const numbers: Record<string, number> = {}
const kept: Buffer[] = []
let batches = 0

function publish (channel: string): void {
  const number = numbers[channel] = (numbers[channel] ?? 0) + 1
  void sse.broadcast('message', numbered(number, FILLS[channel]!), { channels: channel })
}

function publishBatch (): void {
  batches++
  for (const channel of Object.keys(FILLS)) publish(channel)
  void sse.broadcast('typing', { n: batches }, { channels: 'asides' })
  for (const key of ['a', 'b', 'c']) void sse.broadcast('cursor', { key, n: batches }, { channels: 'asides' })
  if (batches % FAULT_EVERY === 0) for (const fault of FAULTS) if (faults.has(fault)) fail(fault)
}

/** Misbehaves in a way that a soak has to find. */
function fail (fault: Fault): void {
  if (fault === 'double') void sse.broadcast('message', numbered(numbers[EVERYBODY]!, FILLS[EVERYBODY]!))
  if (fault === 'loss') numbers[EVERYBODY]!++
}

async function sample (): Promise<Sample> {
  // Grows between any two samples, however slow the machine.
  if (faults.has('memory' satisfies Fault)) kept.push(Buffer.alloc(32 * 1024 * 1024, 1))
  // Collects garbage twice: V8 frees buffers a few turns later.
  usedBytes()
  await new Promise((resolve) => setTimeout(resolve, 50))
  usedBytes()
  const { rss, heapUsed, external } = process.memoryUsage()
  const resources = process.getActiveResourcesInfo() as string[]
  const count = (name: string): number => resources.filter((one) => one === name).length
  const { subscribers, channels, views, events, deliveries, closes, gaps } = sse.stats()
  return {
    rss,
    heapUsed,
    external,
    sockets: count('TCPSocketWrap'),
    timers: count('Timeout'),
    handles: resources.length,
    subscribers,
    channels,
    views,
    events,
    deliveries,
    closes,
    gaps: Object.values(gaps).reduce((sum, one) => sum + one, 0)
  }
}

const batching = setInterval(publishBatch, BATCH_INTERVAL)

process.on('message', async (asked: AskedOfServer) => {
  if (asked === 'sample') return tell({ what: 'sample', sample: await sample() })
  if (asked === 'stop') {
    clearInterval(batching)
    return tell({ what: 'stopped' })
  }
  for (const channel of Object.keys(FILLS)) publish(channel)
  tell({ what: 'numbers', numbers })
})
process.on('disconnect', () => process.exit())

function tell (told: ToldByServer): void { process.send!(told) }

tell({ what: 'listening', port: (app.server.address() as AddressInfo).port })
