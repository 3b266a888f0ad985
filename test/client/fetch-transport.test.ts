import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { openFetch } from '../../client/fetch-transport.ts'
import { connect, type ConnectOptions, type EventStream, type Status } from '../../client/index.ts'
import { portOf } from '../../demo/origins.ts'
import ssePlugin, { defineEvents, type SsePluginOptions } from '../../plugin.ts'
import { Answering, has } from './answering.ts'

const events = defineEvents({ message: Type.String(), order: Type.Object({ number: Type.Number() }) })

// At once: what is waited for here is not the wait.
const BACKOFF = { base: 0 }

interface Reading {
  readonly stream: EventStream
  readonly told: unknown[]
  readonly turns: Status[]
  readonly errors: unknown[]
}

/** Reads `message` as text, and of all else what came. */
function read (t: Test, url: string, options: ConnectOptions = {}): Reading {
  const [told, turns, errors]: [unknown[], Status[], unknown[]] = [[], [], []]
  const stream = connect(url, { text: ['message'], backoff: BACKOFF, onError: (error) => errors.push(error), ...options })
  t.teardown(() => stream.close())
  stream.on('message', (text) => told.push(text))
  stream.onStatus((status) => turns.push(status))
  return { stream, told, turns, errors }
}

/** Resolves as soon as a status has this state. */
async function turnsTo (stream: EventStream, state: Status['state']): Promise<Status> {
  for await (const status of stream.statuses()) if (status.state === state) return status
  throw new Error(`it is never ${state}`)
}

async function startServer (t: Test, options: Partial<SsePluginOptions> = {}, port = 0): Promise<FastifyInstance> {
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  t.teardown(() => app.close())
  await app.register(ssePlugin, { events, reconnectionTime: 0, ...options })
  await app.listen({ host: '127.0.0.1', port })
  return app
}

const numberOf = (order: unknown): number => (order as { number: number }).number

t.test('a reader comes back to a server that was stopped and started again, is told of the gap, and goes on', async (t) => {
  const app = await startServer(t)
  const port = portOf(app)
  const { stream, turns } = read(t, `http://127.0.0.1:${port}/events`, { backoff: { base: 20, cap: 50 } })
  const numbers: number[] = []
  const gaps: unknown[] = []
  stream.on('order', (order) => numbers.push(numberOf(order)))
  stream.on('sse.gap', ({ reason }) => gaps.push(reason))
  await turnsTo(stream, 'open')
  for (const number of [1, 2]) await app.sse.of(events).broadcast('order', { number })
  await has(numbers, 2)
  await app.close()
  await turnsTo(stream, 'waiting')
  const again = await startServer(t, {}, port)
  await again.sse.of(events).broadcast('order', { number: 3 })
  await has(numbers, 3)
  await again.sse.of(events).broadcast('order', { number: 4 })
  await has(numbers, 4)
  t.strictSame([numbers, gaps], [[1, 2, 3, 4], ['foreign']])
  t.equal(again.sse.count(), 1)
  t.strictSame(turns.filter(({ state }) => state === 'closed'), [])
})

t.test('a reader whose streams are cut again and again gets every event once, in order', async (t) => {
  const app = await startServer(t)
  const { stream } = read(t, `http://127.0.0.1:${portOf(app)}/events`)
  const numbers: number[] = []
  stream.on('order', (order) => numbers.push(numberOf(order)))
  await turnsTo(stream, 'open')
  for (let number = 0; number < 100; number++) {
    await app.sse.of(events).broadcast('order', { number })
    if (number % 10 === 5) await app.sse.disconnect(() => true)
    if (number % 10 === 8) stream.reconnect()
  }
  await has(numbers, 100)
  t.strictSame(numbers, Array.from({ length: 100 }, (_, number) => number))
})

t.test('a stream that the server ends for good stays ended', async (t) => {
  const app = await startServer(t)
  let asked = 0
  app.server.on('request', () => asked++)
  const { stream } = read(t, `http://127.0.0.1:${portOf(app)}/events`)
  await turnsTo(stream, 'open')
  while (app.sse.count() === 0) await new Promise((resolve) => setImmediate(resolve))
  await app.sse.disconnect(() => true, { final: true })
  t.strictSame(await turnsTo(stream, 'closed'), { state: 'closed', reason: 'final', closeReason: 'revoked' })
  t.equal(asked, 1)
})

t.test('a stream that is gzipped is read like any other', async (t) => {
  const app = await startServer(t, { compress: { minBytes: 0 } })
  const codings: unknown[] = []
  app.server.on('request', (_request, response) => response.once('close', () => codings.push(response.getHeader('content-encoding'))))
  const { told, stream } = read(t, `http://127.0.0.1:${portOf(app)}/events`)
  await turnsTo(stream, 'open')
  const texts = ['short', 'é'.repeat(100_000), '\n', '']
  for (const text of texts) await app.sse.of(events).broadcast('message', text)
  await has(told, texts.length)
  t.strictSame(told, texts)
  stream.close()
  await has(codings, 1)
  t.strictSame(codings, ['gzip'])
})

t.test('headers are asked for anew at every attempt, and go with it', async (t) => {
  const server = await Answering.start(t)
  let attempt = 0
  const { stream, errors } = read(t, server.url, { headers: async () => ({ authorization: `Bearer ${++attempt}` }) })
  for (const expected of ['Bearer 1', 'Bearer 2', 'Bearer 3']) {
    const { request, response } = await server.next()
    t.equal(request.headers.authorization, expected)
    t.equal(request.headers.accept, 'text/event-stream')
    response.destroy()
  }
  t.strictSame(errors, [])
  stream.close()
})

t.test('a function for headers that throws, or rejects, is reported, and asked again', async (t) => {
  const server = await Answering.start(t)
  const problems = [new Error('throws'), new Error('rejects')]
  let attempt = 0
  const { stream, errors } = read(t, server.url, {
    headers () {
      const problem = problems[attempt++]
      if (problem === undefined) return { authorization: 'found' }
      if (attempt === 2) return Promise.reject(problem)
      throw problem
    }
  })
  t.equal((await server.stream()).request.headers.authorization, 'found')
  t.equal(server.count, 1, 'nothing was asked without them')
  t.strictSame(errors, problems)
  t.equal((await turnsTo(stream, 'open')).state, 'open')
})

t.test('headers that come when the stream is closed ask for nothing', async (t) => {
  const server = await Answering.start(t)
  let give = (): void => {}
  const asked = new Promise<void>((resolve) => {
    const { stream, turns, errors } = read(t, server.url, {
      headers: () => new Promise((_resolve, reject) => {
        give = () => {
          stream.close()
          reject(new Error('too late'))
          setImmediate(() => {
            t.strictSame([turns, errors], [[{ state: 'closed', reason: 'closed' }], []])
          })
        }
        resolve()
      })
    })
  })
  await asked
  give()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(server.count, 0)
})

t.test('503 is tried again, and not before Retry-After', async (t) => {
  const server = await Answering.start(t)
  const { stream } = read(t, server.url)
  const { response } = await server.next()
  const before = Date.now()
  response.writeHead(503, { 'retry-after': '3600' }).end('busy')
  const status = await turnsTo(stream, 'waiting')
  if (status.state === 'waiting') t.ok(status.retryAt! >= before + 3_600_000 && status.retryAt! <= Date.now() + 3_600_000)
  t.equal(server.count, 1)
  stream.reconnect()
  await server.stream('data: back\n\n')
  t.strictSame((await stream.events('message').next()).value, 'back')
})

for (const httpStatus of [204, 401, 403, 404, 410]) {
  t.test(`${httpStatus} is the end`, async (t) => {
    const server = await Answering.start(t)
    const { stream } = read(t, server.url)
    ;(await server.next()).response.writeHead(httpStatus).end()
    t.strictSame(await turnsTo(stream, 'closed'), { state: 'closed', reason: 'gone', httpStatus })
    t.equal(server.count, 1)
  })
}

for (const [status, type] of [[200, 'text/html'], [200, undefined], [200, 'text/event-streams'], [200, 'text/plain; charset=text/event-stream'],
  [201, 'text/event-stream'], [429, 'text/event-stream'], [500, 'application/json']] as const) {
  t.test(`${status} with ${type ?? 'no type'} is no event stream, and tried again`, async (t) => {
    const server = await Answering.start(t)
    const { stream, told, turns } = read(t, server.url)
    const { response } = await server.next()
    response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end('data: no\n\n')
    await server.stream('data: yes\n\n')
    await has(told, 1)
    t.strictSame(told, ['yes'])
    t.strictSame(turns.map(({ state }) => state), ['waiting', 'connecting', 'open'])
    stream.close()
  })
}

for (const type of ['text/event-stream;charset=utf-8', 'Text/Event-Stream ; charset=UTF-8', 'TEXT/EVENT-STREAM', 'text/event-stream;']) {
  t.test(`${type} is one`, async (t) => {
    const server = await Answering.start(t)
    const { told } = read(t, server.url)
    await server.stream('data: yes\n\n', { 'content-type': type })
    await has(told, 1)
    t.strictSame(told, ['yes'])
    t.equal(server.count, 1)
  })
}

t.test('a stream that is cut within an event gives no half of it, and the event comes whole with the next', async (t) => {
  const server = await Answering.start(t)
  const { told } = read(t, server.url)
  for (const half of ['id: 2\ndata: second', 'id: 2\ndata: second\n', 'id: 2\ndata: sec']) {
    const { response } = await server.stream('id: 1\ndata: first\n\n')
    await has(told, 1)
    await new Promise<void>((resolve) => response.write(half, () => resolve()))
    response.destroy()
    const again = await server.stream('data: no id of its own\n\nid: 2\ndata: second\n\n')
    t.equal(new URL(again.request.url!, server.url).searchParams.get('lastEventId'), '1')
    await has(told, 3)
    t.strictSame(told, ['first', 'no id of its own', 'second'])
    told.length = 0
    again.response.destroy()
  }
})

t.test('an id holds over connections: an event that brings none keeps it', async (t) => {
  const server = await Answering.start(t)
  const ids: string[] = []
  const { stream } = read(t, server.url, { lastEventId: '1' })
  stream.on('message', (_text, { id }) => ids.push(id))
  await server.stream('data: a\n\nid: 2\ndata: b\n\n').then(async ({ response }) => {
    await has(ids, 2)
    response.destroy()
  })
  await server.stream('data: c\n\nid\ndata: d\n\n')
  await has(ids, 4)
  t.strictSame(ids, ['1', '2', '2', ''])
})

t.test('characters of several bytes are whole, wherever the bytes are cut', async (t) => {
  const server = await Answering.start(t)
  const { told } = read(t, server.url)
  const text = 'é €😀\u{10FFFF} \u00A0'
  const { request, response } = await server.stream()
  request.socket.setNoDelay(true)
  for (const byte of Buffer.from(`data: ${text}\n\n`)) {
    response.write(Uint8Array.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await has(told, 1)
  t.strictSame(told, [text])
})

t.test('a line of ten megabytes in pieces of sixteen bytes is read to its end', async (t) => {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  const piece = new TextEncoder().encode('0123456789abcdef')
  let left = 10 * 1024 * 1024 / 16
  globalThis.fetch = async () => new Response(new ReadableStream({
    start (controller) { controller.enqueue(new TextEncoder().encode('data: ')) },
    pull (controller) {
      if (left > 0) controller.enqueue(piece)
      if (left-- === 0) controller.enqueue(new TextEncoder().encode('\n\n'))
    }
  }), { headers: { 'content-type': 'text/event-stream' } })
  const { told, stream } = read(t, 'http://localhost/events')
  await has(told, 1)
  stream.close()
  t.equal((told[0] as string).length, 10 * 1024 * 1024)
})

t.test('the reconnection time of a stream is the least that is waited for', async (t) => {
  const server = await Answering.start(t)
  const { stream } = read(t, server.url)
  const { response } = await server.stream('retry: 5000\nretry: 7200000\nretry: no\n')
  await turnsTo(stream, 'open')
  const before = Date.now()
  response.end()
  const status = await turnsTo(stream, 'waiting')
  if (status.state === 'waiting') t.ok(status.retryAt! >= before + 7_200_000 && status.retryAt! <= Date.now() + 7_200_000)
})

t.test('an answer that comes when the stream is closed opens nothing', async (t) => {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  let answer = (): void => {}
  const asked = new Promise<void>((resolve) => {
    globalThis.fetch = () => new Promise((_resolve) => {
      answer = () => _resolve(new Response('data: a\n\n', { headers: { 'content-type': 'text/event-stream' } }))
      resolve()
    })
  })
  const { stream, turns, told } = read(t, 'http://localhost/events')
  await asked
  answer()
  stream.close()
  await new Promise((resolve) => setTimeout(resolve, 10))
  t.strictSame([stream.status, turns, told], [{ state: 'closed', reason: 'closed' }, [{ state: 'closed', reason: 'closed' }], []])
})

t.test('an attempt that is closed says nothing more, neither that it opened nor what is left of the piece that came', async (t) => {
  for (const closeAt of ['answer', 'a']) {
    const told: string[] = []
    const closing = new AbortController()
    let answer = (_response: Response): void => {}
    const options = {
      headers: {}, withCredentials: false, judge: () => undefined, request: () => new Promise<Response>((resolve) => { answer = resolve }), signal: closing.signal
    }
    openFetch({ url: 'http://localhost/', place: '', lastEventId: '', types: [] }, options, {
      opened: () => told.push('opened'),
      retrying: () => told.push('retrying'),
      comment: () => told.push('comment'),
      sign () {},
      retry () {},
      event ({ data }) {
        told.push(data)
        if (data === closeAt) closing.abort()
      },
      lost: () => told.push('lost'),
      error: () => told.push('error')
    })
    await new Promise((resolve) => setImmediate(resolve))
    answer(new Response(':\ndata: a\n\n:\nretry: 1\ndata: b\n\n', { headers: { 'content-type': 'text/event-stream' } }))
    if (closeAt === 'answer') closing.abort()
    await new Promise((resolve) => setTimeout(resolve, 10))
    t.strictSame(told, closeAt === 'answer' ? [] : ['opened', 'comment', 'a'])
  }
})

t.test('close within a listener is the end of what came in the same piece', async (t) => {
  const server = await Answering.start(t)
  const { stream, told } = read(t, server.url)
  const observed: string[] = []
  stream.on('message', () => stream.close())
  stream.on('later', () => observed.push('later'))
  await server.stream('data: a\n\nevent: later\ndata: 1\n\ndata: b\n\n')
  await has(told, 1)
  await new Promise((resolve) => setTimeout(resolve, 10))
  t.strictSame([told, observed, stream.lastEventId], [['a'], [], ''])
})

t.test('reconnect within a listener reads on behind that event, and what else came in the same piece comes again', async (t) => {
  const server = await Answering.start(t)
  const { stream, told } = read(t, server.url)
  const off = stream.on('message', () => {
    off()
    stream.reconnect()
  })
  await server.stream('id: 1\ndata: a\n\nid: 2\ndata: b\n\n')
  const { request } = await server.stream('id: 2\ndata: b\n\nid: 3\ndata: c\n\n')
  t.equal(new URL(request.url!, server.url).searchParams.get('lastEventId'), '1')
  await has(told, 3)
  t.strictSame(told, ['a', 'b', 'c'])
})

t.test('reconnect before the transport is there goes on from the ID that it names', async (t) => {
  const server = await Answering.start(t)
  const { stream } = read(t, server.url)
  stream.reconnect('7')
  const { request } = await server.stream()
  t.equal(new URL(request.url!, server.url).searchParams.get('lastEventId'), '7')
  t.equal(server.count, 1)
})

t.test('a process ends by itself once its streams are closed, in whatever state they were', { timeout: 30_000 }, async (t) => {
  const server = await Answering.start(t)
  const answering = (async () => {
    const open = await server.next()
    open.response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: sse.open\ndata: {"heartbeatInterval":15000}\n\ndata: 1\n\n')
    const busy = await server.next()
    busy.response.writeHead(503, { 'retry-after': '3600' }).end()
    await server.next()
  })()
  const program = join(import.meta.dirname, 'ends-by-itself.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, server.url], { timeout: 20_000 })
  t.equal(stdout, 'open waiting connecting\n')
  await answering
})
