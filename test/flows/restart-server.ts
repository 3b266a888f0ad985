import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import ssePlugin, { EVERYBODY, type SsePluginOptions } from '../../plugin.ts'
import { numbered } from './numbered-reader.ts'

// A server in a separate process that ends like a deployed one: on SIGTERM it closes its application, and nothing else ends the process.

export interface RestartOptions extends Omit<SsePluginOptions, 'prefix'> {
  /** 0 selects a free port. */
  readonly port: number
}

/** A command of the test: broadcast these numbers, each filled up, to one channel. */
export interface Publish {
  readonly from: number
  readonly to: number
  readonly fill: number
  readonly channel: string | undefined
}

/** A message to the test. */
export type Told =
  | { readonly what: 'listening', readonly port: number }
  | { readonly what: 'published', readonly subscribers: number }
  /** A request is held in a slow hook. */
  | { readonly what: 'entered', readonly url: string }

const SLOW_HOOK = 300

const { port, ...options } = JSON.parse(process.argv[2]!) as RestartOptions

const app = Fastify()
await app.register(ssePlugin, {
  ...options,
  route: {
    preHandler: async ({ url }) => {
      if (!url.includes('slow')) return
      tell({ what: 'entered', url })
      await new Promise((resolve) => setTimeout(resolve, SLOW_HOOK))
    }
  },
  subscribe: ({ query }) => ({ channels: [(query as { channel?: string }).channel ?? EVERYBODY] }),
  headers: ({ url }) => {
    if (!url.includes('never')) return {}
    tell({ what: 'entered', url })
    return new Promise(() => {})
  }
})
await app.listen({ port, host: '127.0.0.1', backlog: 4096 })

function tell (told: Told): void {
  if (process.connected) process.send!(told)
}

process.on('message', async ({ from, to, fill, channel = EVERYBODY }: Publish) => {
  for (let n = from; n <= to; n++) await app.sse.broadcast('message', numbered(n, fill), { channels: channel })
  tell({ what: 'published', subscribers: app.sse.count() })
})
// The test is gone.
process.on('disconnect', () => { if (!isStopping) process.exit(1) })

let isStopping = false
process.once('SIGTERM', async () => {
  isStopping = true
  await app.close()
  // No `process.exit`: a handle that the plugin left open would keep the process alive, and fail the test.
  process.disconnect()
})
tell({ what: 'listening', port: (app.server.address() as AddressInfo).port })
