import type { EventEmitter } from 'node:events'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import ssePlugin, { EVERYBODY, type Stats } from '../../plugin.ts'
import { settlesAt } from './numbered-reader.ts'
import { until } from './raw-reader.ts'

// The server of a crowd, in a separate process: what tap keeps of every socket must not count as a leak.

/** What is left once all readers have gone. */
export interface Remains {
  /** Bytes in use. */
  readonly used: number
  /** Listeners of the server and of the process. */
  readonly listeners: number
  /** The number of calls of `onClose`. */
  readonly closes: number
  readonly stats: Stats
  /** The number of subscribers that `app.sse.subscribers()` finds. */
  readonly found: number
  /** The most that were open at a time since the last report. */
  readonly most: { subscribers: number, views: number }
}

const app = Fastify()
let closes = 0
await app.register(ssePlugin, {
  shutdownTimeout: 0,
  heartbeatInterval: false,
  subscribe: ({ query }) => ({ channels: [EVERYBODY, `room ${(query as { room: string }).room}`] }),
  onClose: () => { closes++ }
})
let sockets = 0
app.server.on('connection', (socket) => {
  sockets++
  socket.once('close', () => { sockets-- })
})

const most = { subscribers: 0, views: 0 }
setInterval(() => {
  const { subscribers, views } = app.sse.stats()
  most.subscribers = Math.max(most.subscribers, subscribers)
  most.views = Math.max(most.views, views)
}, 10)

function listenersOf (emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}

/** Waits until all readers have gone, and until at most so many bytes are in use. */
async function report (atMost: number): Promise<Remains> {
  await until(() => sockets === 0)
  const remains = {
    listeners: listenersOf(app.server) + listenersOf(process),
    closes,
    stats: app.sse.stats(),
    found: [...app.sse.subscribers()].length,
    most: { ...most }
  }
  most.subscribers = most.views = 0
  return { ...remains, used: await settlesAt(atMost) }
}

process.on('message', (atMost: number) => { void report(atMost).then((remains) => process.send!(remains)) })
process.on('disconnect', () => process.exit())
await app.listen({ host: '127.0.0.1', port: 0 })
process.send!((app.server.address() as AddressInfo).port)
