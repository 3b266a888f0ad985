import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { openFetch } from '../../../client/transport/fetch-transport.ts'
import { connect, type ConnectOptions, type EventStream, type Status } from '../../../client/index.ts'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin, { defineEvents, type SsePluginOptions } from '../../../plugin.ts'
import { TYPESCRIPT } from '../../support/child.ts'
import { Answering, has } from '../answering.ts'

const events = defineEvents({ message: Type.String(), order: Type.Object({ number: Type.Number() }) })

// No wait between two attempts, since these tests do not measure it.
const BACKOFF = { base: 0 }

interface Reading {
  readonly stream: EventStream
  readonly told: unknown[]
  readonly turns: Status[]
  readonly errors: unknown[]
}

/** Opens a stream and records its `message` events as text, its statuses and its errors. */
function read (t: Test, url: string, options: ConnectOptions = {}): Reading {
  const [told, turns, errors]: [unknown[], Status[], unknown[]] = [[], [], []]
  const stream = connect(url, { text: ['message'], backoff: BACKOFF, onError: (error) => errors.push(error), ...options })
  t.teardown(() => stream.close())
  stream.on('message', (text) => told.push(text))
  stream.onStatus((status) => turns.push(status))
  return { stream, told, turns, errors }
}

/** Resolves with the first status in this state. */
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

const lastEventIdIn = ({ url }: { url?: string | undefined }, server: Answering): string | null => new URL(url!, server.url).searchParams.get('lastEventId')

const numberOf = (order: unknown): number => (order as { number: number }).number

t.test('a reader reconnects to a restarted server, receives the gap, and continues', async (t) => {
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

t.test('a reader whose streams are cut repeatedly receives every event once, in order', async (t) => {
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

t.test('a stream that the server ends with `final: true` is closed and sends no further request', async (t) => {
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

t.test('a stream with Content-Encoding gzip is decompressed', async (t) => {
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

t.test('the function `headers` is called for every attempt, and its headers are sent', async (t) => {
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

t.test('a function `headers` that throws or rejects is reported and called again', async (t) => {
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
  t.equal(server.count, 1, 'no request was sent without headers')
  t.strictSame(errors, problems)
  t.equal((await turnsTo(stream, 'open')).state, 'open')
})

t.test('headers that arrive after close send no request', async (t) => {
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

t.test('status 503 is retried, and not before Retry-After', async (t) => {
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
  t.test(`status ${httpStatus} closes the stream for good`, async (t) => {
    const server = await Answering.start(t)
    const { stream } = read(t, server.url)
    ;(await server.next()).response.writeHead(httpStatus).end()
    t.strictSame(await turnsTo(stream, 'closed'), { state: 'closed', reason: 'gone', httpStatus })
    t.equal(server.count, 1)
  })
}

for (const [status, type] of [[200, 'text/html'], [200, undefined], [200, 'text/event-streams'], [200, 'text/plain; charset=text/event-stream'],
  [201, 'text/event-stream'], [429, 'text/event-stream'], [500, 'application/json']] as const) {
  t.test(`status ${status} with ${type ?? 'no type'} is not an event stream and is retried`, async (t) => {
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
  t.test(`${type} is an event stream`, async (t) => {
    const server = await Answering.start(t)
    const { told } = read(t, server.url)
    await server.stream('data: yes\n\n', { 'content-type': type })
    await has(told, 1)
    t.strictSame(told, ['yes'])
    t.equal(server.count, 1)
  })
}

t.test('an event cut by a lost connection is not delivered in part, and arrives whole on the next connection', async (t) => {
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

t.test('the last event ID survives a new connection until another ID arrives', async (t) => {
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

t.test('characters of several bytes are decoded across chunks', async (t) => {
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

t.test('a stream is decoded as UTF-8, even if its Content-Type names another charset', async (t) => {
  const server = await Answering.start(t)
  const { told } = read(t, server.url)
  await server.stream('data: é€\n\n', { 'content-type': 'text/event-stream;charset=windows-1251' })
  await has(told, 1)
  t.strictSame(told, ['é€'])
})

t.test('a line of four megabytes in chunks of sixteen bytes is delivered', async (t) => {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  function * body (): Generator<Uint8Array> {
    const [start, piece, end] = ['data: ', '0123456789abcdef', '\n\n'].map((text) => new TextEncoder().encode(text))
    yield start!
    for (let left = 4 * 1024 * 1024 / 16; left > 0; left--) yield piece!
    yield end!
  }
  const pieces = body()
  globalThis.fetch = async () => {
    const response = new Response(null, { headers: { 'content-type': 'text/event-stream' } })
    // A bare reader: for so many chunks, a stream of Node takes ten times as long as the client.
    return Object.defineProperty(response, 'body', { value: { getReader: () => ({ read: async () => pieces.next() }) } })
  }
  const { told, stream } = read(t, 'http://localhost/events')
  await has(told, 1)
  stream.close()
  t.equal((told[0] as string).length, 4 * 1024 * 1024)
})

t.test('the reconnection time of a stream is the minimum wait', async (t) => {
  const server = await Answering.start(t)
  const { stream } = read(t, server.url)
  const { response } = await server.stream('event: sse.open\ndata: {}\n\nretry: 5000\nretry: 7200000\nretry: no\n')
  await turnsTo(stream, 'open')
  const before = Date.now()
  response.end()
  const status = await turnsTo(stream, 'waiting')
  if (status.state === 'waiting') t.ok(status.retryAt! >= before + 7_200_000 && status.retryAt! <= Date.now() + 7_200_000)
})

t.test('credentials are sent to other origins only with `withCredentials`', async (t) => {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  for (const [withCredentials, credentials] of [[true, 'include'], [false, 'same-origin']] as const) {
    const asked = new Promise<RequestInit | undefined>((resolve) => {
      globalThis.fetch = async (_, options) => {
        resolve(options)
        return new Response('data: a\n\n', { headers: { 'content-type': 'text/event-stream' } })
      }
    })
    const { stream } = read(t, 'http://localhost/events', { withCredentials })
    t.match(await asked, { credentials })
    stream.close()
  }
})

t.test('bytes that arrive after close are not read', async (t) => {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  let pulls = 0
  globalThis.fetch = async () => new Response(new ReadableStream({
    pull (controller) {
      pulls++
      controller.enqueue(new TextEncoder().encode('data: a\n\n'))
    }
  }, { highWaterMark: 0 }), { headers: { 'content-type': 'text/event-stream' } })
  const { stream, told } = read(t, 'http://localhost/events')
  const closed = new Promise<void>((resolve) => stream.on('message', () => {
    stream.close()
    resolve()
  }))
  await closed
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  t.equal(told.length, 1)
  t.ok(pulls <= 2, `${pulls} pieces were asked for`)
})

t.test('a response that arrives after close opens no stream', async (t) => {
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

t.test('a closed attempt reports neither its opening nor the rest of a chunk', async (t) => {
  for (const closeAt of ['answer', 'a']) {
    const told: string[] = []
    const closing = new AbortController()
    let answer = (_response: Response): void => {}
    const { fetch } = globalThis
    t.teardown(() => { globalThis.fetch = fetch })
    globalThis.fetch = () => new Promise((resolve) => { answer = resolve })
    const options = { given: '', headers: {}, withCredentials: false, method: 'GET', body: null, answer: {}, signal: closing.signal }
    openFetch({ url: 'http://localhost/', resumeQuery: '', lastEventId: '', types: [] }, options, {
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

t.test('close, called by a listener, drops the rest of the chunk', async (t) => {
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

t.test('reconnect, called by a listener, drops the rest of the chunk and resumes from the current event', async (t) => {
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

t.test('the last event ID is sent in the query and in the header', async (t) => {
  const server = await Answering.start(t)
  const { stream } = read(t, server.url)
  const first = await server.stream('id: k3.7\ndata: a\n\n')
  t.equal(first.request.headers['last-event-id'], undefined)
  await has([await turnsTo(stream, 'open')], 1)
  first.response.end()
  const { request } = await server.stream()
  t.strictSame([request.headers['last-event-id'], lastEventIdIn(request, server)], ['k3.7', 'k3.7'])
})

for (const id of ['é', 'a b', ' a', 'x'.repeat(2001), '\u0001']) {
  t.test(`an ID that not every header can carry (${JSON.stringify(id.slice(0, 5))}) is sent in the query only`, async (t) => {
    const server = await Answering.start(t)
    read(t, server.url, { lastEventId: id })
    const { request } = await server.stream()
    t.strictSame([request.headers['last-event-id'], lastEventIdIn(request, server)], [undefined, id])
  })
}

t.test('a page sends the header Last-Event-ID only to its own origin', async (t) => {
  const server = await Answering.start(t)
  const origin = new URL(server.url).origin
  for (const [page, header] of [[origin, '7'], [origin.slice(0, -1), undefined], ['null', undefined]] as const) {
    Object.assign(globalThis, { origin: page })
    t.teardown(() => { Reflect.deleteProperty(globalThis, 'origin') })
    const { stream } = read(t, server.url, { lastEventId: '7' })
    const { request } = await server.stream()
    t.strictSame([request.headers['last-event-id'], lastEventIdIn(request, server)], [header, '7'], page)
    stream.close()
  }
})

t.test('the last event ID in the header survives a redirect that drops the query', async (t) => {
  const server = await Answering.start(t)
  read(t, server.url, { lastEventId: '7' })
  ;(await server.next()).response.writeHead(307, { location: '/elsewhere' }).end()
  const { request } = await server.stream()
  t.strictSame([request.url, request.headers['last-event-id']], ['/elsewhere', '7'])
})

for (const status of [400, 422]) {
  t.test(`after a ${status} for the ID in the query the stream resumes by the header and loses no event`, async (t) => {
    const server = await Answering.start(t)
    const { stream, told, turns, errors } = read(t, server.url)
    const first = await server.stream('id: 1\ndata: a\n\n')
    await has(told, 1)
    first.response.end()
    for (const id of ['2', '3']) {
      const strict = await server.next()
      t.ok(strict.request.url!.includes('lastEventId='))
      strict.response.writeHead(status).end('querystring must NOT have additional properties')
      const again = await server.stream(`id: ${id}\ndata: ${id}\n\n`)
      t.strictSame([again.request.url, again.request.headers['last-event-id']], ['/events', String(Number(id) - 1)])
      await has(told, Number(id))
      again.response.end()
    }
    t.strictSame([told, errors], [['a', '2', '3'], []])
    t.notOk(turns.some((turn) => turn.reason === 'refused'))
    stream.close()
  })

  t.test(`a ${status} for the ID in the query of another origin is reported, and the stream does not start without its ID`, async (t) => {
    Object.assign(globalThis, { origin: 'https://shop.example' })
    t.teardown(() => { Reflect.deleteProperty(globalThis, 'origin') })
    const server = await Answering.start(t)
    const { stream, told, errors, turns } = read(t, server.url, { lastEventId: '7' })
    ;(await server.next()).response.writeHead(status).end()
    const { request, response } = await server.stream('data: from the start\n\n')
    t.equal(request.url, '/events')
    await new Promise((resolve) => response.once('close', resolve))
    t.strictSame(turns[0], { ...turns[0], state: 'waiting', reason: 'refused', httpStatus: status })
    t.match(errors, [{ message: /refuses "lastEventId" in its query/ }])
    t.strictSame([told, stream.lastEventId], [[], '7'])
  })

  t.test(`a ${status} for requests with and without the ID is retried like other statuses`, async (t) => {
    const server = await Answering.start(t)
    const { stream, errors } = read(t, server.url, { lastEventId: '7', backoff: { base: 60_000 } })
    for (let asked = 0; asked < 2; asked++) (await server.next()).response.writeHead(status).end()
    t.match(await turnsTo(stream, 'waiting'), { reason: 'refused', httpStatus: status })
    t.strictSame([server.count, errors], [2, []])
    stream.reconnect('')
    ;(await server.next()).response.writeHead(status).end()
    await turnsTo(stream, 'waiting')
    t.equal(server.count, 3, 'a request without an ID is not repeated')
  })
}

t.test('headers are not sent on to another origin, and the redirect is reported', async (t) => {
  const [server, other] = [await Answering.start(t), await Answering.start(t)]
  for (const status of [301, 302, 303, 307, 308]) {
    const { stream, errors } = read(t, server.url, { headers: { 'x-api-key': 'secret' }, backoff: { base: 60_000 } })
    ;(await server.next()).response.writeHead(status, { location: other.url }).end()
    t.match(await turnsTo(stream, 'waiting'), { reason: 'refused', httpStatus: status })
    t.match(errors, [{ message: /events redirects, and "headers" are not sent along/ }])
    stream.close()
  }
  t.equal(other.count, 0)
})

t.test('headers and the last event ID follow redirects within the origin', async (t) => {
  const server = await Answering.start(t)
  const { stream, errors } = read(t, server.url, { headers: { 'x-api-key': 'secret' }, lastEventId: '7' })
  ;(await server.next()).response.writeHead(301, { location: '/one/' }).end()
  ;(await server.next()).response.writeHead(307, { location: 'two' }).end()
  const { request } = await server.stream('data: a\n\n')
  t.strictSame([request.url, request.headers['x-api-key'], request.headers['last-event-id']], ['/one/two', 'secret', '7'])
  t.equal((await turnsTo(stream, 'open')).state, 'open')
  t.strictSame(errors, [])
})

t.test('circular redirects end after six requests and are reported', async (t) => {
  const server = await Answering.start(t)
  const { stream, errors } = read(t, server.url, { headers: { 'x-api-key': 'secret' }, backoff: { base: 60_000 } })
  for (let hops = 0; hops < 6; hops++) (await server.next()).response.writeHead(302, { location: '/events' }).end()
  t.match(await turnsTo(stream, 'waiting'), { httpStatus: 302 })
  t.equal(errors.length, 1)
})

t.test('a page with headers does not follow an opaque redirect, and reports it', async (t) => {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  const asked: unknown[] = []
  globalThis.fetch = async (_url, { redirect } = {}) => {
    asked.push(redirect)
    return { type: 'opaqueredirect', status: 0, headers: new Headers(), body: null } as Response
  }
  const { stream, errors } = read(t, 'http://localhost/events', { headers: { 'x-api-key': 'secret' }, backoff: { base: 60_000 } })
  const status = await turnsTo(stream, 'waiting')
  t.strictSame([status.reason, 'httpStatus' in status], ['refused', false])
  t.match(errors, [{ message: /redirects, and "headers" are not sent along/ }])
  t.strictSame(asked, ['manual'])
})

t.test('a page without headers follows an opaque redirect with the last event ID in the query only', async (t) => {
  const { fetch } = globalThis
  t.teardown(() => { globalThis.fetch = fetch })
  Object.defineProperty(globalThis, 'origin', { configurable: true, value: 'http://localhost' })
  t.teardown(() => { Reflect.deleteProperty(globalThis, 'origin') })
  const asked: unknown[] = []
  globalThis.fetch = async (url, { redirect, headers } = {}) => {
    asked.push([new URL(String(url)).search, redirect, new Headers(headers).get('last-event-id')])
    if (redirect === 'manual') return { type: 'opaqueredirect', status: 0, headers: new Headers(), body: null } as Response
    return new Response('id: 8\ndata: a\n\n', { headers: { 'content-type': 'text/event-stream' } })
  }
  const { told, errors } = read(t, 'http://localhost/events', { headers: {}, lastEventId: '7', backoff: { base: 60_000 } })
  await has(told, 1)
  t.strictSame(asked.slice(0, 2), [['?lastEventId=7', 'manual', '7'], ['?lastEventId=7', 'follow', null]])
  t.strictSame(errors, [])
})

t.test('a stream resumes by the header if a strict schema behind a redirect refuses the ID in the query', async (t) => {
  const server = await Answering.start(t)
  const { told } = read(t, server.url, { headers: { 'x-api-key': 'secret' }, lastEventId: '7' })
  ;(await server.next()).response.writeHead(307, { location: '/strict?lastEventId=7' }).end()
  ;(await server.next()).response.writeHead(400).end()
  ;(await server.next()).response.writeHead(307, { location: '/strict' }).end()
  const { request } = await server.stream('data: a\n\n')
  t.strictSame([request.url, request.headers['last-event-id']], ['/strict', '7'])
  await has(told, 1)
})

t.test('a request without headers follows a redirect to another origin', async (t) => {
  const [server, other] = [await Answering.start(t), await Answering.start(t)]
  const { told } = read(t, server.url, { headers: {} })
  ;(await server.next()).response.writeHead(302, { location: other.url }).end()
  await other.stream('data: a\n\n')
  await has(told, 1)
})

for (const [what, body] of [['React Native', undefined], ['jsdom', null], ['a fetch by node-fetch', { on () {} }]] as const) {
  t.test(`a fetch without a readable body, as in ${what}, is reported once and closes the stream`, async (t) => {
    const { fetch } = globalThis
    t.teardown(() => { globalThis.fetch = fetch })
    let asked = 0
    globalThis.fetch = async () => {
      asked++
      return { status: 200, headers: new Headers({ 'content-type': 'text/event-stream' }), body } as unknown as Response
    }
    const { stream, turns, errors } = read(t, 'http://localhost/events')
    t.strictSame(await turnsTo(stream, 'closed'), { state: 'closed', reason: 'unreadable' })
    t.match(errors, [{ message: /no body that can be read/ }])
    t.strictSame([asked, turns.length], [1, 1])
  })
}

for (const [what, piece] of [['a line', 'x'.repeat(65_536)], ['an event of lines', 'data: ' + 'x'.repeat(65_529) + '\n']] as const) {
  t.test(`${what} of more than 16 MiB is reported, cancelled and retried after a wait`, async (t) => {
    const { fetch } = globalThis
    t.teardown(() => { globalThis.fetch = fetch })
    let pieces = 0
    let isCancelled = false
    globalThis.fetch = async (_url, { signal } = {}) => {
      signal!.addEventListener('abort', () => { isCancelled = true })
      return new Response(new ReadableStream({
        start (controller) { controller.enqueue(new TextEncoder().encode('data: first\n\ndata: ')) },
        pull (controller) {
          pieces++
          controller.enqueue(new TextEncoder().encode(piece))
        }
      }), { headers: { 'content-type': 'text/event-stream' } })
    }
    const { stream, told, errors } = read(t, 'http://localhost/events', { backoff: { base: 60_000 } })
    t.match(await turnsTo(stream, 'waiting'), { reason: 'lost' })
    t.match(errors, [{ name: 'RangeError', message: /16 MiB/ }])
    t.strictSame([told, isCancelled], [['first'], true])
    t.ok(pieces <= 260, `${pieces} chunks of 64 KiB were read`)
  })
}

t.test('a stream that its server repeatedly ends after it was open reconnects after a wait that does not grow', async (t) => {
  const server = await Answering.start(t)
  const { stream } = read(t, server.url, { backoff: { base: 20, cap: 30_000 } })
  for (let turn = 0; turn < 8; turn++) {
    const { response } = await server.stream('event: sse.open\ndata: {}\n\n')
    await turnsTo(stream, 'open')
    const before = Date.now()
    response.end()
    const { retryAt } = await turnsTo(stream, 'waiting')
    t.ok(retryAt! <= Date.now() + 21 && retryAt! >= before, 'the wait does not grow')
  }
})

t.test('reconnect before the transport is loaded resumes from the given ID', async (t) => {
  const server = await Answering.start(t)
  const { stream } = read(t, server.url)
  stream.reconnect('7')
  const { request } = await server.stream()
  t.equal(new URL(request.url!, server.url).searchParams.get('lastEventId'), '7')
  t.equal(server.count, 1)
})

t.test('a process ends by itself after streams are closed in the states open, waiting and connecting', async (t) => {
  const server = await Answering.start(t)
  const answering = (async () => {
    const open = await server.next()
    open.response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: sse.open\ndata: {"heartbeatInterval":15000}\n\ndata: 1\n\n')
    const busy = await server.next()
    busy.response.writeHead(503, { 'retry-after': '3600' }).end()
    await server.next()
  })()
  const program = join(import.meta.dirname, '../ends-by-itself.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [...TYPESCRIPT.execArgv, program, server.url], { env: TYPESCRIPT.env, timeout: 120_000 })
  t.equal(stdout, 'open waiting connecting\n')
  await answering
})
