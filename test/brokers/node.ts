import { closeSync, openSync, writeSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import ssePlugin, { memoryBroker, type Broker, type BrokerUnavailable, type SsePluginOptions, type Stats } from '../../plugin.ts'
import { redisBroker, type RedisBrokerOptions } from '../../brokers/redis/index.ts'
import { sqliteBroker, type SqliteBrokerOptions } from '../../brokers/sqlite/index.ts'
import { obey } from '../faults/program.ts'

// One node of a cluster, in a process of its own.

/** The broker of a node, by its options. */
type BrokerChoice = { readonly redis: RedisBrokerOptions } | { readonly sqlite: SqliteBrokerOptions } | 'memory'

export interface ListenOptions {
  readonly broker: BrokerChoice
  /** 0 selects a free port. */
  readonly port?: number
  readonly options?: Omit<SsePluginOptions, 'prefix'>
  /** A file to which each payload is appended as soon as its broadcast has resolved. It survives the process. */
  readonly placedFile?: string
}

/** What has become of the broadcasts of a node, by payload. */
export interface Outcomes {
  readonly placed: readonly string[]
  readonly notStored: readonly string[]
  readonly unknown: readonly string[]
  /** Rejections for any other reason. */
  readonly others: readonly string[]
}

export interface NodeState {
  readonly stats: Stats
  /** Log lines at `warn` and above. */
  readonly complaints: readonly string[]
  readonly pending: number
}

export interface Publishing {
  /** The beginning of each payload, which a number follows. */
  readonly name: string
  readonly count: number
  /** The milliseconds between two broadcasts; absent: each follows the one before it. */
  readonly every?: number
}

function createBroker (choice: BrokerChoice): Broker {
  if (choice === 'memory') return memoryBroker()
  return 'redis' in choice ? redisBroker(choice.redis) : sqliteBroker(choice.sqlite)
}

const complaints: string[] = []
const outcomes = { placed: [] as string[], notStored: [] as string[], unknown: [] as string[], others: [] as string[] }
let app: Awaited<ReturnType<typeof listen>>
let placedFile: number | undefined
let pending = 0
const publishing = { isStopped: false }

async function listen ({ broker, port = 0, options = {} }: ListenOptions) {
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => complaints.push(line) } } })
  await app.register(ssePlugin, { shutdownTimeout: 2000, reconnectionTime: 20, waitForBroker: 300_000, ...options, broker: createBroker(broker) })
  await app.listen({ port, host: '127.0.0.1', backlog: 4096 })
  return app
}

async function broadcast (payload: string): Promise<void> {
  pending++
  try {
    await app.sse.broadcast('message', payload)
    if (placedFile !== undefined) writeSync(placedFile, `${payload}\n`)
    outcomes.placed.push(payload)
  } catch (error) {
    const { code, stored } = error as BrokerUnavailable
    if (code !== 'FST_SSE_BROKER_UNAVAILABLE') outcomes.others.push(`${payload}: ${String(error)}`)
    else if (stored === false) outcomes.notStored.push(payload)
    else outcomes.unknown.push(payload)
  } finally {
    pending--
  }
}

export const commands = {
  /** Starts the node. @returns Its port. */
  async listen (options: ListenOptions): Promise<number> {
    if (options.placedFile !== undefined) placedFile = openSync(options.placedFile, 'a')
    app = await listen(options)
    return (app.server.address() as AddressInfo).port
  },

  /** Broadcasts, and waits until each broadcast is settled. */
  async publish ({ name, count, every }: Publishing): Promise<void> {
    const all: Array<Promise<void>> = []
    const begun = performance.now()
    for (let number = 0; number < count && !publishing.isStopped; number++) {
      const settled = broadcast(`${name}.${number}`)
      if (every === undefined) {
        await settled
        continue
      }
      all.push(settled)
      // What has become due while the event loop was busy follows at once.
      const early = begun + (number + 1) * every - performance.now()
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
    }
    await Promise.all(all)
  },

  /** Ends `publish` early. */
  stop (): void {
    publishing.isStopped = true
  },

  outcomes: (): Outcomes => outcomes,

  state: (): NodeState => ({ stats: app.sse.stats(), complaints, pending }),

  /** Closes the application. */
  async close (): Promise<void> {
    await app.close()
    if (placedFile !== undefined) closeSync(placedFile)
  }
}

obey(commands)
