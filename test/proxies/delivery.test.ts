import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import { createParser } from 'eventsource-parser'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { NumberedReader, numbered } from '../flows/numbered-reader.ts'
import { listen, until } from '../flows/raw-reader.ts'
import { HTTP_1_1, passTo, skip, startNginx } from './nginx.ts'

interface Journey {
  readonly app: FastifyInstance
  /** The port of the server; `proxied` is that of nginx in front of it. */
  readonly direct: number
  readonly proxied: number
}

async function start (t: Test, directives: string[], options: Omit<SsePluginOptions, 'prefix'> = {}): Promise<Journey> {
  const app = Fastify()
  // No heartbeats: they would push out what a proxy holds back.
  await app.register(ssePlugin, { heartbeatInterval: false, shutdownTimeout: 0, ...options })
  const direct = await listen(t, app)
  const { port: proxied } = await startNginx(t, passTo(direct, ...directives))
  return { app, direct, proxied }
}

/** Records the arrival of each event. */
class TimingReader {
  headers: IncomingHttpHeaders = {}
  isOpen = false
  /** Times of arrival in milliseconds, by data. */
  readonly arrivals = new Map<string, number>()

  constructor (t: Test, port: number, headers: Record<string, string> = {}) {
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event === 'sse.open') this.isOpen = true
        else this.arrivals.set(data, performance.now())
      }
    })
    const request = get({ port, host: '127.0.0.1', path: '/events', headers, agent: false }, (response: IncomingMessage) => {
      this.headers = response.headers
      const body = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
      body.setEncoding('utf8').on('data', (piece: string) => parser.feed(piece)).on('error', () => {})
    })
    request.on('error', () => {})
    t.after(() => request.destroy())
  }
}

const EVENTS = 100
// A proxy that holds events back delays all of them. On a busy machine a few events are late even without that.
const MOST = 0.95
const AT_ONCE = 50

const GZIP = 'gzip on; gzip_types text/event-stream;'
const settings: Array<[name: string, directives: string[]]> = [
  ['by default', []],
  ['with HTTP/1.1 to the server', [HTTP_1_1]],
  ['that compresses', [GZIP]],
  ['that compresses, with HTTP/1.1 to the server', [GZIP, HTTP_1_1]]
]

for (const [name, directives] of settings) {
  t.test(`nginx ${name} passes on head and opening immediately, and each event within ${AT_ONCE} ms`, { skip }, async (t) => {
    const { app, direct, proxied } = await start(t, directives)
    const headers = { 'accept-encoding': 'gzip' }
    const [without, behind] = [new TimingReader(t, direct, headers), new TimingReader(t, proxied, headers)]
    await until(() => without.isOpen && behind.isOpen)
    t.equal(behind.headers['content-type'], 'text/event-stream; charset=utf-8')
    t.equal(behind.headers['content-encoding'], directives.includes(GZIP) ? 'gzip' : undefined)
    t.equal(app.sse.count(), 2)

    const delays: number[] = []
    const later: number[] = []
    for (let n = 0; n < EVENTS; n++) {
      const data = String(n)
      const sent = performance.now()
      await app.sse.broadcast('message', data)
      await until(() => without.arrivals.has(data) && behind.arrivals.has(data))
      delays.push(behind.arrivals.get(data)! - sent)
      // Other load on this machine delays both readers.
      later.push(behind.arrivals.get(data)! - without.arrivals.get(data)!)
    }
    t.ok(quantile(later, MOST) <= AT_ONCE, `${describe(delays)}; later than without nginx: ${describe(later)}`)
  })
}

function quantile (values: number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(part * values.length) - 1]!
}

function describe (values: number[]): string {
  const [median, most, all] = [0.5, MOST, 1].map((part) => quantile(values, part).toFixed(1))
  return `median ${median} ms, ${MOST * 100} % within ${most} ms, all within ${all} ms`
}

t.test('a reader behind nginx resumes where it stopped, and is not counted meanwhile', { skip }, async (t) => {
  for (const by of ['header', 'query'] as const) {
    const { app, proxied } = await start(t, [])
    const reader = new NumberedReader(proxied).connect()
    t.after(() => reader.socket.destroy())
    let last = 0
    for (let visit = 1; visit <= 5; visit++) {
      await until(() => reader.opens === visit)
      t.equal(app.sse.count(), 1)
      for (const upTo = last + 100; last < upTo; last++) void app.sse.broadcast('message', numbered(last + 1))
      await until(() => reader.last === last)
      reader.cut()
      await until(() => app.sse.count() === 0)
      for (const upTo = last + 100; last < upTo; last++) void app.sse.broadcast('message', numbered(last + 1))
      reader.connect({ by })
    }
    await until(() => reader.last === last)
    t.strictSame([reader.faults, reader.gaps, reader.first, reader.count], [[], [], 1, last], by)
    t.equal(app.sse.stats().closes.reader, 5)
  }
})
