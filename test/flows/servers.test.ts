import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream, type Http2ServerResponse } from 'node:http2'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { MAX_BATCH_BYTES } from '../../lib/cursor/batch-cache.ts'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { notInstalled } from '../support/system.ts'
import { gate, listen, parseEvents, RawReader, turn, until } from './raw-reader.ts'

/** One stream as its reader sees it. */
interface Reader {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  body (): string
  /** Tells if the stream has ended by the rules of its protocol. */
  ended (): boolean
  leave (): void
}

interface Server {
  readonly title: string
  readonly options: object
  open (t: Test, app: FastifyInstance): Promise<Reader>
}

function createKeys (): { key: string, cert: string } | string {
  const dir = t.testdir()
  const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', ...files], { stdio: 'ignore' })
  } catch (error) {
    return (error as Error).message
  }
  return { key: readFileSync(join(dir, 'key.pem'), 'utf8'), cert: readFileSync(join(dir, 'cert.pem'), 'utf8') }
}

async function portOf (t: Test, app: FastifyInstance): Promise<number> {
  const address = app.server.address()
  return address === null ? listen(t, app) : (address as { port: number }).port
}

/** Opens a stream over HTTP/1.1 or HTTP/1.0, on a connected socket. */
async function openRaw (reader: RawReader, request: string): Promise<Reader> {
  await reader.ask(request).seesEvents('sse.open')
  const { status, headers } = reader.answers[0]!
  return {
    status,
    headers,
    body: () => reader.answers[0]!.body,
    ended: () => reader.answers[0]!.complete,
    leave: () => { reader.socket.destroy() }
  }
}

function openSession (t: Test, url: string): ClientHttp2Session {
  const session = connectHttp2(url, { rejectUnauthorized: false })
  t.after(() => session.destroy())
  session.on('error', () => {})
  return session
}

/** Opens a stream over HTTP/2. */
async function openHttp2 (session: ClientHttp2Session, path = '/events', headers = {}): Promise<Reader & { readonly stream: ClientHttp2Stream }> {
  const stream = session.request({ ':path': path, ...headers })
  let body = ''
  let ended = false
  stream.setEncoding('utf8').on('data', (piece: string) => { body += piece }).on('end', () => { ended = stream.rstCode === 0 }).on('error', () => {})
  const answer = await new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve))
  await until(() => body.includes('sse.open'))
  return {
    stream,
    status: Number(answer[':status']),
    headers: answer,
    body: () => body,
    ended: () => ended,
    leave: () => { stream.close(constants.NGHTTP2_CANCEL) }
  }
}

async function openInjected (app: FastifyInstance): Promise<Reader> {
  const abort = new AbortController()
  const response = await app.inject({ url: '/events', payloadAsStream: true, signal: abort.signal })
  let body = ''
  let ended = false
  const stream = response.stream() as Readable
  stream.setEncoding('utf8').on('data', (piece: string) => { body += piece }).on('end', () => { ended = true }).on('error', () => {})
  await until(() => body.includes('sse.open'))
  return { status: response.statusCode, headers: response.headers, body: () => body, ended: () => ended, leave: () => { abort.abort() } }
}

const keys = createKeys()
const http11: Server = {
  title: 'HTTP/1.1',
  options: {},
  open: async (t, app) => openRaw(await RawReader.connect(t, await portOf(t, app)), 'GET /events')
}
const h2c: Server = {
  title: 'HTTP/2 without TLS',
  options: { http2: true },
  open: async (t, app) => openHttp2(openSession(t, `http://127.0.0.1:${await portOf(t, app)}`))
}
const h2: Server = {
  title: 'HTTP/2',
  options: { http2: true, https: keys },
  open: async (t, app) => openHttp2(openSession(t, `https://127.0.0.1:${await portOf(t, app)}`))
}
const servers: Server[] = [
  http11,
  {
    title: 'HTTP/1.0',
    options: {},
    open: async (t, app) => openRaw(await RawReader.connect(t, await portOf(t, app)), 'GET /events HTTP/1.0')
  },
  {
    title: 'HTTP/1.0 with `connection: keep-alive`',
    options: {},
    open: async (t, app) => openRaw(await RawReader.connect(t, await portOf(t, app)), 'GET /events HTTP/1.0\nconnection: keep-alive')
  },
  {
    title: 'HTTPS',
    options: { https: keys },
    open: async (t, app) => {
      const socket = connectTls(await portOf(t, app), '127.0.0.1', { rejectUnauthorized: false })
      t.after(() => socket.destroy())
      await new Promise((resolve) => socket.once('secureConnect', resolve))
      return openRaw(new RawReader(socket), 'GET /events')
    }
  },
  h2,
  {
    title: 'HTTP/1.1 to a server of HTTP/2 with `allowHTTP1`',
    options: { http2: true, https: typeof keys === 'string' ? keys : { allowHTTP1: true, ...keys } },
    open: async (t, app) => {
      const socket = connectTls(await portOf(t, app), '127.0.0.1', { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      t.after(() => socket.destroy())
      await new Promise((resolve) => socket.once('secureConnect', resolve))
      return openRaw(new RawReader(socket), 'GET /events')
    }
  },
  h2c,
  { title: 'inject', options: {}, open: (_t, app) => openInjected(app) }
]

const skipOf = ({ options }: Server): string | false => 'https' in options && typeof keys === 'string' ? notInstalled('openssl') : false

interface Journey {
  readonly app: FastifyInstance
  readonly opened: Subscriber[]
  readonly closes: CloseReason[]
  readonly errors: unknown[]
}

async function start (server: Server, options: Omit<SsePluginOptions, 'prefix'> = {}, ofServer: FastifyServerOptions = {}): Promise<Journey> {
  const opened: Subscriber[] = []
  const closes: CloseReason[] = []
  const errors: unknown[] = []
  const write = (line: string): void => {
    const logged = JSON.parse(line)
    // Fastify itself logs this when the reader of an injected request leaves.
    if (logged.err?.code !== 'ABORT_ERR') errors.push(logged)
  }
  const app = Fastify({
    logger: { level: 'error', stream: { write } },
    // Otherwise Fastify waits for idle HTTP/2 sessions.
    forceCloseConnections: true,
    ...server.options,
    ...ofServer
  }) as FastifyInstance
  await app.register(ssePlugin, {
    onSubscribe: (subscriber) => { opened.push(subscriber) },
    onClose: (_subscriber, reason) => { closes.push(reason) },
    ...options
  })
  return { app, opened, closes, errors }
}

for (const server of servers) {
  t.test(server.title, { skip: skipOf(server) }, async (t) => {
    t.test('opens a stream and delivers events of any size intact', async (t) => {
      const { app, errors } = await start(server)
      const reader = await server.open(t, app)
      t.equal(reader.status, 200)
      t.equal([reader.headers['content-type']].flat()[0], 'text/event-stream; charset=utf-8')
      t.notOk(reader.headers['content-length'])
      t.equal(app.sse.count(), 1)
      const payloads = ['small', Array.from({ length: 20_000 }, (_, n) => `${n}\u{1f600}`).join('-').slice(0, 200_000), 'after']
      for (const payload of payloads) await app.sse.broadcast('message', payload)
      await until(() => reader.body().includes('after\n\n'))
      t.strictSame(parseEvents(reader.body()).slice(1).map(({ data }) => data), payloads)
      reader.leave()
      await until(() => app.sse.count() === 0)
      t.strictSame(errors, [])
      await app.close()
    })

    t.test('closes a subscriber once when its reader leaves while events are published', async (t) => {
      const { app, closes, opened, errors } = await start(server)
      const reader = await server.open(t, app)
      const large = 'x'.repeat(100_000)
      void app.sse.broadcast('message', large)
      reader.leave()
      while (app.sse.count() > 0) {
        void app.sse.broadcast('message', large)
        await turn()
      }
      for (let n = 0; n < 3; n++) {
        await app.sse.broadcast('message', large)
        await turn()
      }
      t.strictSame(closes, ['reader'])
      t.ok(opened[0]!.signal.aborted)
      t.strictSame(errors, [])
      await app.close()
    })

    t.test('ends a stream cleanly on `subscriber.close()`, after every earlier broadcast', async (t) => {
      const { app, opened, closes, errors } = await start(server)
      const reader = await server.open(t, app)
      const large = 'x'.repeat(900_000)
      for (let n = 0; n < 3; n++) void app.sse.broadcast('message', large)
      opened[0]!.close()
      void app.sse.broadcast('message', 'too late')
      await until(() => reader.ended())
      t.strictSame(parseEvents(reader.body()).slice(1).map(({ data }) => data), [large, large, large])
      t.equal(await opened[0]!.closed, 'ended')
      t.strictSame(closes, ['ended'])
      t.equal(app.sse.count(), 0)
      t.strictSame(errors, [])
      await app.close()
    })

    t.test('ends a stream cleanly on `app.close()`, with a `retry` last', async (t) => {
      const { app, closes, errors } = await start(server)
      const reader = await server.open(t, app)
      await app.close()
      await until(() => reader.ended())
      t.match(reader.body(), /\n\nretry: \d+\n$/)
      t.strictSame(closes, ['shutdown'])
      t.strictSame(errors, [])
    })
  })
}

for (const server of servers.filter(({ title }) => title === 'HTTP/1.1' || title === 'HTTPS')) {
  t.test(`${server.title} delivers a burst of 1,000 events although 50 are kept, even after 700 separate writes`, { skip: skipOf(server) }, async (t) => {
    const { app, errors } = await start(server, { history: { maxEvents: 50 } })
    const reader = await server.open(t, app)
    for (let n = 0; n < 700; n++) {
      await app.sse.broadcast('message', 'before')
      await turn()
    }
    for (let n = 0; n < 1000; n++) void app.sse.broadcast('message', `${n}`)
    await until(() => reader.body().endsWith('data: 999\n\n'))
    t.strictSame(parseEvents(reader.body()).slice(701).map(({ data }) => data), Array.from({ length: 1000 }, (_, n) => `${n}`))
    t.equal(app.sse.stats().gaps.slow, 0)
    t.strictSame(errors, [])
    reader.leave()
    await app.close()
  })
}

for (const server of [h2c, h2]) {
  t.test(`one session of ${server.title}`, { skip: skipOf(server) }, async (t) => {
    const connect = async (t: Test, app: FastifyInstance): Promise<ClientHttp2Session> => {
      const scheme = 'https' in server.options ? 'https' : 'http'
      return openSession(t, `${scheme}://127.0.0.1:${await portOf(t, app)}`)
    }

    t.test('carries several streams: one leaves, one is ended, the others go on', async (t) => {
      const { app, opened, closes, errors } = await start(server)
      const session = await connect(t, app)
      const readers: Reader[] = []
      for (let n = 0; n < 5; n++) readers.push(await openHttp2(session))
      t.equal(app.sse.count(), 5)
      readers[0]!.leave()
      opened[1]!.close()
      await until(() => app.sse.count() === 3 && readers[1]!.ended())
      await app.sse.broadcast('message', 'to three')
      await until(() => readers.slice(2).every((reader) => reader.body().includes('to three')))
      t.notOk(readers[0]!.body().includes('to three'))
      t.notOk(readers[1]!.body().includes('to three'))
      session.destroy()
      await until(() => app.sse.count() === 0)
      t.strictSame(closes.sort(), ['ended', 'reader', 'reader', 'reader', 'reader'])
      t.strictSame(errors, [])
      await app.close()
    })

    t.test('delivers every event to its other streams while one stream stalls', async (t) => {
      const { app, errors } = await start(server)
      const session = await connect(t, app)
      const stalled = await openHttp2(session)
      const other = await openHttp2(session)
      stalled.stream.pause()
      const large = 'x'.repeat(100_000)
      for (let n = 0; n < 10; n++) await app.sse.broadcast('message', large + n)
      await until(() => other.body().includes('x9\n\n'))
      t.equal(parseEvents(other.body()).length, 11)
      stalled.stream.resume()
      await until(() => stalled.body().includes('x9\n\n'))
      t.strictSame(parseEvents(stalled.body()).slice(1).map(({ data }) => data), Array.from({ length: 10 }, (_, n) => large + n))
      t.strictSame(errors, [])
      stalled.leave()
      other.leave()
      await app.close()
    })

    t.test('buffers at most `maxBacklogBytes` for all its stalled streams together, plus one batch each', async (t) => {
      const STREAMS = 50
      const maxBacklogBytes = 256 * 1024
      const { app, opened, errors } = await start(server, { maxBacklogBytes })
      const waiting: Http2ServerResponse[] = []
      app.addHook('onRequest', async (_request, reply) => { waiting.push(reply.raw as unknown as Http2ServerResponse) })
      const session = await connect(t, app)
      const readers = await Promise.all(Array.from({ length: STREAMS }, () => openHttp2(session)))
      for (const { stream } of readers) stream.pause()
      const event = 'x'.repeat(8 * 1024)
      // Far more than a single stream may buffer.
      for (let n = 0; n < 100; n++) {
        await app.sse.broadcast('message', event)
        await turn()
      }
      await until(() => opened.every(({ lag }) => lag > 0))
      const bytes = waiting.reduce((sum, { writableLength }) => sum + writableLength, 0)
      t.ok(bytes <= maxBacklogBytes + STREAMS * MAX_BATCH_BYTES, `${bytes} bytes wait`)
      for (const { stream } of readers) stream.resume()
      await until(() => opened.every(({ lag }) => lag === 0) && readers.every(({ body }) => parseEvents(body()).length === 101))
      t.strictSame(errors, [])
      for (const reader of readers) reader.leave()
      await app.close()
    })

    t.test('has no timeout while it carries a stream and has it again afterwards', async (t) => {
      const { app, closes } = await start(server, {}, { http2SessionTimeout: 150 } as FastifyServerOptions)
      const session = await connect(t, app)
      let ended = false
      session.once('close', () => { ended = true })
      const first = await openHttp2(session)
      const second = await openHttp2(session)
      first.leave()
      await until(() => app.sse.count() === 1)
      // Real time: that it passes is the claim.
      await delay(400)
      t.notOk(ended)
      // A session that Fastify's timeout has closed takes no further stream.
      const third = await openHttp2(session)
      second.leave()
      third.leave()
      await until(() => ended)
      t.strictSame(closes, ['reader', 'reader', 'reader'])
      await app.close()
    })

    t.test('whose reader resets a stream during a hook leaves no subscriber and no error behind', async (t) => {
      const entered = gate()
      const left = gate()
      const { app, opened, closes, errors } = await start(server, { path: false })
      const results: Subscriber[] = []
      let closed = false
      app.get('/own', {
        preHandler: async (_request, reply) => {
          reply.raw.once('close', () => { closed = true })
          entered.open()
          await left.passed
        }
      }, async (_request, reply) => { results.push(await app.sse.subscribe(reply)) })
      const session = await connect(t, app)
      const stream = session.request({ ':path': '/own' }).on('error', () => {})
      await entered.passed
      stream.close(constants.NGHTTP2_CANCEL)
      await until(() => closed)
      left.open()
      await until(() => results.length === 1)
      t.equal(await results[0]!.closed, 'reader')
      t.strictSame([opened, closes, errors], [[], [], []])
      session.destroy()
      await app.close()
    })

    t.test('answers HEAD with the head of a stream and `Accept: text/html` with 406', async (t) => {
      const { app, errors } = await start(server)
      const session = await connect(t, app)
      const ask = (headers: object): Promise<Record<string, unknown>> => new Promise((resolve) => {
        session.request({ ':path': '/events', ...headers }).once('response', resolve).resume()
      })
      const head = await ask({ ':method': 'HEAD' })
      t.equal(head[':status'], 200)
      t.equal(head['content-type'], 'text/event-stream; charset=utf-8')
      t.equal((await ask({ accept: 'text/html' }))[':status'], 406)
      t.equal(app.sse.count(), 0)
      t.strictSame(errors, [])
      session.destroy()
      await app.close()
    })
  })
}

const timeouts: Array<[option: string, ofServer: FastifyServerOptions]> = [
  ['handlerTimeout', { handlerTimeout: 200 }],
  ['connectionTimeout', { connectionTimeout: 300 }],
  ['requestTimeout', { requestTimeout: 200 }],
  ['http2SessionTimeout', { http2SessionTimeout: 200 } as FastifyServerOptions],
  ['keepAliveTimeout', { keepAliveTimeout: 200 }]
]
for (const server of [http11, h2c]) {
  for (const [option, ofServer] of timeouts) {
    t.test(`${option} does not cut a stream of ${server.title} that is silent for longer`, async (t) => {
      const { app, closes, errors } = await start(server, {}, ofServer)
      const reader = await server.open(t, app)
      // Real time: that it passes is the claim.
      await delay(700)
      t.equal(app.sse.count(), 1)
      await app.sse.broadcast('message', 'still here')
      await until(() => reader.body().includes('still here'))
      t.strictSame(closes, [])
      t.strictSame(errors, [])
      reader.leave()
      await until(() => app.sse.count() === 0)
      await app.close()
    })
  }
}
