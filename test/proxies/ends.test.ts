import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EventSource } from 'eventsource'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { ServerProcess } from '../flows/restart-process.ts'
import { listen, RawReader, until } from '../flows/raw-reader.ts'
import { HTTP_1_1, passTo, skip, startNginx } from './nginx.ts'

// The tests mostly wait for time to pass or for a process to start.
t.jobs = 3

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'>): Promise<{ app: FastifyInstance, port: number }> {
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: 0, ...options })
  return { app, port: await listen(t, app) }
}

async function openBehind (t: Test, port: number, directives: string): Promise<RawReader> {
  const nginx = await startNginx(t, passTo(port, directives))
  return (await RawReader.connect(t, nginx.port)).ask('GET /events').seesEvents('sse.open')
}

/** Waits for the end of the stream. @returns How the end looks to the reader. */
async function endOf (reader: RawReader): Promise<'clean' | 'cut'> {
  await until(() => reader.closed || reader.answers[0]!.complete)
  return reader.answers[0]!.complete ? 'clean' : 'cut'
}

const READ_TIMEOUT = 'proxy_read_timeout 2s;'
const SILENCE = 8000

t.test('nginx with a read timeout of 2 s does not cut a stream with a heartbeat every second', { skip }, async (t) => {
  const { app, port } = await start(t, { heartbeatInterval: 1000 })
  const reader = await openBehind(t, port, READ_TIMEOUT)
  const since = performance.now()
  await until(() => reader.closed || performance.now() - since > SILENCE)
  t.strictSame(new Set(reader.events.slice(1).map(({ event }) => event)), new Set(['sse.heartbeat']))
  await app.sse.broadcast('message', 'after the silence')
  await reader.seesEvents(undefined)
  t.equal(app.sse.stats().closes.reader, 0)
})

t.test('nginx with a read timeout of 2 s cuts a stream without heartbeats', { skip }, async (t) => {
  for (const directives of [READ_TIMEOUT, READ_TIMEOUT + HTTP_1_1]) {
    const { app, port } = await start(t, { heartbeatInterval: false })
    const reader = await openBehind(t, port, directives)
    t.equal(await endOf(reader), 'cut')
    await until(() => app.sse.count() === 0)
    t.equal(app.sse.stats().closes.reader, 1)
  }
})

t.test('the clean end of a stream is clean behind nginx, too', { skip }, async (t) => {
  for (const directives of ['', HTTP_1_1]) {
    const { app, port } = await start(t, { heartbeatInterval: false })
    const reader = await openBehind(t, port, directives)
    void app.sse.broadcast('message', 'the last event')
    for (const subscriber of app.sse.subscribers()) subscriber.close()
    t.equal(await endOf(reader), 'clean')
    t.match(reader.answers[0]!.body, /data: the last event\n\n$/)
  }
})

// A response with neither a length nor chunks ends with its connection, whichever side closes that.
for (const [version, directives, end] of [['HTTP/1.1', HTTP_1_1, 'cut'], ['HTTP/1.0', '', 'clean']] as const) {
  t.test(`behind nginx with ${version} to the server, the death of the server is a ${end} end for a reader`, { skip }, async (t) => {
    const server = await ServerProcess.start(t)
    const reader = await openBehind(t, server.port, directives)
    await server.publish(1, 10)
    await reader.seesEvents(undefined, 10)
    server.signal('SIGKILL')
    t.equal(await endOf(reader), end)
  })
}

const DEPLOYMENT = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/deployment.md'), 'utf8')

/** The configuration that docs/deployment.md shows, in front of a port. */
function documented (port: number): string {
  return /^```nginx\n(.*?)^```$/ms.exec(DEPLOYMENT)![1]!.replace('127.0.0.1:3000', `127.0.0.1:${port}`)
}

/** Opens a native reader and records its events. */
function nativeReader (t: Test, port: number): { source: EventSource, heard: string[] } {
  const heard: string[] = []
  const source = new EventSource(`http://127.0.0.1:${port}/events`)
  for (const type of ['sse.open', 'sse.gap', 'message']) source.addEventListener(type, ({ data }) => heard.push(`${type} ${data}`))
  t.after(() => source.close())
  return { source, heard }
}

const QUICKLY = { reconnectionTime: 50 }

t.test('a native reader gives up for good on the 502 of nginx when its server is down', { skip }, async (t) => {
  const server = await ServerProcess.start(t, QUICKLY)
  const nginx = await startNginx(t, passTo(server.port))
  const { source, heard } = nativeReader(t, nginx.port)
  await until(() => heard.length === 1)
  server.signal('SIGKILL')
  await until(() => source.readyState === source.CLOSED)
  t.match(nginx.errors(), 'Connection refused')
})

t.test('with the configuration of docs/deployment.md a native reader reconnects when its server is back', { skip }, async (t) => {
  const server = await ServerProcess.start(t, QUICKLY)
  const nginx = await startNginx(t, documented(server.port))
  const { source, heard } = nativeReader(t, nginx.port)
  let answers = 0
  source.addEventListener('error', () => { answers++ })
  await until(() => heard.length === 1)
  server.signal('SIGKILL')
  await server.exited()
  // The end of its stream, and the end of a response that holds only a `retry`.
  await until(() => answers === 2)
  t.equal(source.readyState, source.CONNECTING)

  const next = await ServerProcess.start(t, { ...QUICKLY, port: server.port })
  await until(() => heard.length === 3)
  await next.publish(1, 3)
  await until(() => heard.length === 6)
  t.match(heard[2], /^sse\.gap \{"reason":"foreign"/)
  t.strictSame(heard.slice(3), ['message 1 ;', 'message 2 ;', 'message 3 ;'])
})

t.test('with that configuration a native reader also retries after a 503 of the server', { skip }, async (t) => {
  const { app, port } = await start(t, { maxSubscribers: 0, overload: 'reject' })
  const nginx = await startNginx(t, documented(port))
  const { source } = nativeReader(t, nginx.port)
  await new Promise((resolve) => source.addEventListener('error', resolve))
  t.equal(source.readyState, source.CONNECTING)
  t.equal(app.sse.stats().closes.overload, 1)
})
