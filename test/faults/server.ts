import { readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyServerOptions } from 'fastify'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Stats } from '../../plugin.ts'
import { block, numbered, settlesAt } from '../flows/numbered-reader.ts'
import { obey } from './program.ts'

// The server under test, in a separate process. The query of a request holds the `name`, `channel` and `expiresIn` of its reader.

interface Query {
  readonly name?: string
  readonly channel?: string
  readonly expiresIn?: string
}

interface Close {
  readonly name: string | undefined
  readonly reason: CloseReason
  /** Milliseconds on the monotonic clock, which runs while the process is stopped. */
  readonly at: number
  /** Milliseconds on the monotonic clock at its opening. */
  readonly openedAt: number
}

export interface State {
  readonly count: number
  readonly stats: Stats
  readonly closes: readonly Close[]
  /** Log lines at `warn` and above, and warnings of Node. */
  readonly complaints: readonly string[]
  /** The number of the last event, by channel. */
  readonly last: Readonly<Record<string, number>>
  readonly lastEventId: string
  /** Milliseconds on the monotonic clock. */
  readonly now: number
  /** Milliseconds on the wall clock. */
  readonly wall: number
  /** Resident memory of the process, in bytes. */
  readonly rss: number
  /** Bytes that V8 holds ready for its next objects. They are resident, too, and vary by tens of MiB from run to run. */
  readonly freeHeap: number
  /** The number of open descriptors: sockets, files and the like. */
  readonly descriptors: number
}

/** Events that are published at a constant rate. */
export interface Flood {
  readonly channel?: string
  readonly fill: number
  readonly bytesPerSecond: number
}

const closes: Close[] = []
const complaints: string[] = []
process.on('warning', (warning) => complaints.push(String(warning.stack)))

let app: Awaited<ReturnType<typeof listen>>

async function listen (options: SsePluginOptions, ofServer: FastifyServerOptions, host: string) {
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => complaints.push(line) } }, ...ofServer })
  const opened = new WeakMap<object, { name: string | undefined, at: number }>()
  await app.register(ssePlugin, {
    shutdownTimeout: 0,
    subscribe: ({ query }) => {
      const { channel, expiresIn } = query as Query
      return {
        ...channel === undefined ? {} : { channels: channel.split(',') },
        ...expiresIn === undefined ? {} : { expiresAt: new Date(Date.now() + Number(expiresIn)) }
      }
    },
    onSubscribe: (subscriber, { query }) => { opened.set(subscriber, { name: (query as Query).name, at: performance.now() }) },
    onClose: (subscriber, reason) => {
      const { name, at } = opened.get(subscriber)!
      closes.push({ name, reason, at: performance.now(), openedAt: at })
    },
    ...options
  })
  app.get('/plain', async () => 'plain')
  await app.listen({ port: 0, host, backlog: 4096 })
  return app
}

const last: Record<string, number> = {}

function publish (channel: string, fill: number, count: number): number {
  for (let n = 0; n < count; n++) {
    const number = last[channel] = (last[channel] ?? 0) + 1
    void app.sse.broadcast('message', numbered(number, fill), { channels: channel })
  }
  return last[channel] ?? 0
}

let timers: NodeJS.Timeout[] = []

const EVERYBODY = '*'
const MARKS = 'marks'
/** The field of a line of /proc/net/tcp, split at blanks and colons, that holds the bytes without acknowledgement. */
const SEND_QUEUE = 6

const commands = {
  /** @returns The port. */
  async listen ({ options = {}, ofServer = {}, host = '127.0.0.1' }: { options?: SsePluginOptions, ofServer?: FastifyServerOptions, host?: string }): Promise<number> {
    app = await listen(options, ofServer, host)
    return (app.server.address() as AddressInfo).port
  },

  /** @returns The number of the last event. */
  publish: (count: number, fill = 0, channel = EVERYBODY) => publish(channel, fill, count),

  flood ({ channel = EVERYBODY, fill, bytesPerSecond }: Flood): void {
    const began = performance.now()
    let count = 0
    timers.push(setInterval(() => {
      // At most a tenth of a second's worth per turn: events missed during a halt are not made up.
      const due = Math.floor((performance.now() - began) / 1000 * bytesPerSecond / fill)
      publish(channel, fill, Math.min(due - count, Math.ceil(bytesPerSecond / fill / 10)))
      count = due
    }, 5))
  },

  /**
   * Gives each subscriber its own tiny events, one per turn, until it has had `count` of them or refuses one.
   *
   * @param by A broadcast to the channel of that subscriber alone, or a `send` that is not awaited.
   */
  async trickle (count: number, by: 'broadcast' | 'send'): Promise<void> {
    const willing = new Set(app.sse.subscribers())
    for (let n = 0; n < count && willing.size > 0; n++) {
      for (const subscriber of willing) {
        if (by === 'broadcast') void app.sse.broadcast('message', 'x', { channels: subscriber.channels })
        else subscriber.send('message', 'x').catch(() => willing.delete(subscriber))
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  },

  /** @returns The number of the last event, by channel. */
  stopFloods (): Readonly<Record<string, number>> {
    for (const timer of timers) clearInterval(timer)
    timers = []
    return last
  },

  /**
   * Publishes events, lets them leave, blocks the event loop, and soon publishes one more; each time also one in the channel `marks`.
   *
   * @returns The time of the last event, on the monotonic clock.
   */
  async block (milliseconds: number, before: number, fill: number): Promise<number> {
    publish(EVERYBODY, fill, before)
    publish(MARKS, 0, 1)
    await new Promise((resolve) => setImmediate(resolve))
    block(milliseconds)
    // Overdue timers run first.
    await new Promise((resolve) => setTimeout(resolve, 50))
    publish(EVERYBODY, fill, 1)
    publish(MARKS, 0, 1)
    return performance.now()
  },

  state (): State {
    const { heapTotal, heapUsed } = process.memoryUsage()
    return {
      count: app.sse.count(),
      stats: app.sse.stats(),
      closes,
      complaints,
      last,
      lastEventId: app.sse.lastEventId!,
      now: performance.now(),
      wall: Date.now(),
      // Resident pages times their size: the value of `process.memoryUsage`, at a lower cost.
      rss: Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * 4096,
      freeHeap: heapTotal - heapUsed,
      descriptors: readdirSync('/proc/self/fd').length
    }
  },

  /** @returns Bytes sent over IPv4 in this network that nobody has acknowledged yet. */
  unacknowledged (): number {
    const [, ...connections] = readFileSync('/proc/self/net/tcp', 'latin1').trimEnd().split('\n')
    return connections.reduce((sum, connection) => sum + parseInt(connection.trim().split(/[ :]+/)[SEND_QUEUE]!, 16), 0)
  },

  /** @returns Bytes in use after a garbage collection, once they are at most so many or after half a second. */
  settlesAt
}

export type ServerCommands = typeof commands

obey(commands)
