import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { AddressInfo } from 'node:net'
import fs from 'node:fs'
import Fastify from 'fastify'
import ssePlugin from '../../plugin.ts'
import { numbered } from './numbered-reader.ts'

// The server of a replay, in a process of its own: what its readers cost must not count as its delay.

const [history, fill, perSecond] = process.argv.slice(2).map(Number) as [number, number, number]
const MILLISECONDS_BETWEEN = 5

export type Command = 'publish' | 'stop'

export type Report =
  | { readonly port: number, readonly beginning: string }
  | {
    /** The number of the last event. */
    readonly published: number
    /** Milliseconds: the longest that the loop did not come round. */
    readonly longestDelay: number
    readonly delay99: number
    /** Milliseconds: the longest callback of `setImmediate`; that is where the pump works. */
    readonly longestImmediate: number
    readonly stats: object
  }

let longestImmediate = 0
let longestCpu = 0
let immCpu = 0
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1000 }
const { setImmediate } = globalThis
globalThis.setImmediate = Object.assign((callback: (...values: unknown[]) => void, ...values: unknown[]) => setImmediate(() => {
  const began = performance.now()
  const c = cpu()
  callback(...values)
  immCpu = Math.max(immCpu, cpu() - c)
  longestImmediate = Math.max(longestImmediate, performance.now() - began)
}), setImmediate)

const app = Fastify()
await app.register(ssePlugin, { shutdownTimeout: 0, history: { maxEvents: 10 * history, maxBytes: 64 * 1024 * 1024 } })
await app.listen({ port: 0, host: '127.0.0.1' })

const beginning = app.sse.lastEventId!
let published = 0
const publish = (): void => { void app.sse.broadcast('message', numbered(++published, fill)) }
while (published < history) publish()
// The pump's first sweep evicts what is too much.
await new Promise((resolve) => setImmediate(resolve))

const delay = monitorEventLoopDelay({ resolution: 2 })
let timer: NodeJS.Timeout | undefined

function begin (): void {
  const began = performance.now()
  delay.enable()
  longestImmediate = immCpu = 0
  let lastCpu = cpu()
  const { readFileSync } = fs
  setInterval(() => {
    const now = cpu()
    longestCpu = Math.max(longestCpu, now - lastCpu)
    lastCpu = now
  }, 2)
  timer = setInterval(() => {
    const due = history + (performance.now() - began) / 1000 * perSecond
    while (published < due) publish()
  }, MILLISECONDS_BETWEEN)
}

function stop (): void {
  clearInterval(timer)
  delay.disable()
  report({ longestCpu, immCpu, published, longestDelay: delay.max / 1e6, delay99: delay.percentile(99) / 1e6, longestImmediate, stats: app.sse.stats() })
}

function report (what: Report): void { process.send!(what) }

process.on('message', (command: Command) => {
  if (command === 'publish') begin()
  else stop()
})
process.on('disconnect', () => process.exit())
report({ port: (app.server.address() as AddressInfo).port, beginning })
