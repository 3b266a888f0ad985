import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import Fastify from 'fastify'
import ssePlugin, { type Subscriber } from '../../plugin.ts'
import { numbered } from './numbered-reader.ts'

// The server of a replay, in a separate process: the work of its readers must not count as its own.

const [history, fill, perSecond, comebacks] = process.argv.slice(2).map(Number) as [number, number, number, number]

export interface Opened {
  readonly port: number
  /** The event ID before the first event. */
  readonly beginning: string
}

export interface Published {
  /** The number of the last event. */
  readonly last: number
  /** The longest time that the main thread worked between two ticks of a timer, in milliseconds. */
  readonly longestTurn: number
  /** The last event number of each earlier subscriber, at the end of each quarter of the replay. */
  readonly quarters: ReadonlyArray<readonly number[]>
  readonly gaps: Readonly<Record<string, number>>
  readonly replays: number
}

/**
 * CPU time of the main thread, in milliseconds. On a busy machine the thread waits for a processor ten times longer than it works, so
 * wall-clock time would say nothing. Threads that collect garbage are not included.
 */
function worked (): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6
  } catch {
    return performance.now()
  }
}

/** The held requests of readers that resume: all are released as soon as the last one is here. */
const waiting: Array<() => void> = []

const app = Fastify()
await app.register(ssePlugin, {
  shutdownTimeout: 0,
  heartbeatInterval: false,
  history: { maxEvents: 10 * history, maxBytes: 64 * 1024 * 1024 },
  route: {
    onRequest (request, _reply, done) {
      if (!request.url.includes('?')) return done()
      if (waiting.push(done) === comebacks) begin()
    }
  }
})
await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })

const opened: Opened = { port: (app.server.address() as AddressInfo).port, beginning: app.sse.lastEventId! }
let last = 0

function publishUpTo (due: number): void {
  for (let n = last + 1; n <= due; n++) void app.sse.broadcast('message', numbered(n, fill))
  last = Math.max(last, Math.floor(due))
}

publishUpTo(history)

const numberOf = ({ lastEventId }: Subscriber): number => Number(lastEventId!.split('.')[1])

let live: Subscriber[] = []
const quarters: number[][] = []

function lookAtQuarters (): void {
  let replayed = 0
  for (const subscriber of app.sse.subscribers()) if (!live.includes(subscriber)) replayed += Math.min(numberOf(subscriber), history)
  if (quarters.length < 4 && replayed >= (quarters.length + 1) / 4 * history * comebacks) quarters.push(live.map(numberOf))
}

let longestTurn = 0
let timers: NodeJS.Timeout[] = []

/** Lets the held requests go on, a few in each turn. Otherwise the longest turn would be the one in which Fastify handles a thousand requests. */
function release (): void {
  for (const done of waiting.splice(0, 25)) done()
  if (waiting.length > 0) setImmediate(release)
}

function begin (): void {
  const began = performance.now()
  let before = worked()
  live = [...app.sse.subscribers()]
  release()
  timers = [
    setInterval(lookAtQuarters, 20),
    setInterval(() => {
      publishUpTo(history + (performance.now() - began) / 1000 * perSecond)
    }, 5),
    setInterval(() => {
      const now = worked()
      longestTurn = Math.max(longestTurn, now - before)
      before = now
    }, 1)
  ]
}

function stop (): void {
  // The timer may not have seen the last quarter yet.
  lookAtQuarters()
  for (const timer of timers) clearInterval(timer)
  const { gaps, replays } = app.sse.stats()
  report({ last, longestTurn, quarters, gaps, replays })
}

function report (what: Opened | Published): void { process.send!(what) }

process.on('message', stop)
process.on('disconnect', () => process.exit())
report(opened)
