import { connect as connectHttp2, constants } from 'node:http2'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type CloseReason, type Plain, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { gate, listen, RawReader, turn, until } from './raw-reader.ts'

interface Started {
  readonly app: FastifyInstance
  readonly port: number
  readonly opened: Subscriber[]
  readonly closes: CloseReason[]
}

async function start (t: Test, options: SsePluginOptions = {}, server: object = {}): Promise<Started> {
  const opened: Subscriber[] = []
  const closes: CloseReason[] = []
  const app = Fastify({ forceCloseConnections: true, ...server })
  await app.register(ssePlugin, {
    plain: true,
    onSubscribe: (subscriber) => { opened.push(subscriber) },
    onClose: (_subscriber, reason) => { closes.push(reason) },
    ...options
  })
  return { app, port: await listen(t, app), opened, closes }
}

async function open (t: Test, port: number, request = 'GET /events'): Promise<RawReader> {
  return (await RawReader.connect(t, port)).ask(request).sees(({ answers }) => answers[0]?.body.includes(':\nretry: ') === true)
}

const bodyOf = (reader: RawReader): string => reader.answers[0]!.body
const OPENING = /^:\nretry: \d+\n/

t.test('a plain stream has a comment and `retry` in front of the first event, and nothing else of the plugin', async (t) => {
  const { app, port, opened } = await start(t)
  const reader = await open(t, port)
  t.match(bodyOf(reader), /^:\nretry: [1-5]\d{3}\n$/, 'at once')
  const first = await app.sse.broadcast('message', 'a')
  const second = await app.sse.broadcast('order', { n: 1 })
  await opened[0]!.send('message', 'mine')
  opened[0]!.close({ final: true })
  await reader.sees(({ answers }) => answers[0]!.complete)
  t.equal(bodyOf(reader).replace(OPENING, ''), `id: ${first.id}\ndata: a\n\nid: ${second.id}\nevent: order\ndata: {"n":1}\n\ndata: mine\n\n`)
})

t.test('a plain answer to POST is the events, then its end, and the connection serves the next request', async (t) => {
  for (const [plain, end] of [[true, ''], [{ end: '[DONE]' }, 'data: [DONE]\n\n'], [{ end: '' }, 'data: \n\n'], [{ end: 'a\nb' }, 'data: a\ndata: b\n\n']] satisfies Array<[Plain, string]>) {
    const { app, port } = await startAnswering(t, plain)
    const reader = await open(t, port, 'POST /answers\ncontent-length: 0')
    await reader.sees(({ answers }) => answers[0]!.complete)
    t.equal(bodyOf(reader).replace(OPENING, ''), `data: {"token":1}\n\ndata: {"token":2}\n\n${end}`)
    reader.ask('GET /none')
    await reader.sees(({ answers }) => answers[1]?.status === 404)
    await app.close()
  }
})

/** An application whose route `/answers` streams two tokens, on any kind of server. */
async function startAnswering (t: Test, plain: Plain, fails?: Error, server: object = {}, options: SsePluginOptions = {}): Promise<Started> {
  const opened: Subscriber[] = []
  const closes: CloseReason[] = []
  const app = Fastify({ forceCloseConnections: true, ...server }) as FastifyInstance
  await app.register(ssePlugin, { path: false, onClose: (_subscriber, reason) => { closes.push(reason) }, ...options })
  app.post('/answers', async (_request, reply) => {
    const subscriber = await app.sse.subscribe(reply, { channels: [], plain })
    opened.push(subscriber)
    void subscriber.stream('message', async function * () {
      yield { token: 1 }
      yield { token: 2 }
      if (fails !== undefined) throw fails
    })
  })
  return { app, port: await listen(t, app), opened, closes }
}

t.test('a plain stream whose source fails has no end, so that its reader does not take it for a complete answer', async (t) => {
  await t.test('HTTP/1.1', async (t) => {
    const { port, closes } = await startAnswering(t, { end: '[DONE]' }, new Error('secret'))
    const reader = await (await open(t, port, 'POST /answers\ncontent-length: 0')).seesClose()
    t.equal(bodyOf(reader).replace(OPENING, ''), 'data: {"token":1}\n\ndata: {"token":2}\n\n')
    t.strictSame([reader.answers[0]!.complete, closes], [false, ['error']])
  })
  await t.test('HTTP/2', async (t) => {
    for (const fails of [undefined, new Error('secret')]) {
      const { port } = await startAnswering(t, true, fails, { http2: true })
      const session = connectHttp2(`http://127.0.0.1:${port}`)
      t.after(() => session.destroy())
      const stream = session.request({ ':method': 'POST', ':path': '/answers' })
      let body = ''
      let hasEnded = false
      stream.setEncoding('utf8').on('data', (piece: string) => { body += piece }).on('end', () => { hasEnded = true }).on('error', () => {})
      stream.end()
      await new Promise((resolve) => stream.once('close', resolve))
      t.equal(body.replace(OPENING, ''), 'data: {"token":1}\n\ndata: {"token":2}\n\n')
      t.equal(hasEnded && stream.rstCode === 0, fails === undefined, `end: ${hasEnded}, code ${stream.rstCode}`)
    }
  })
  await t.test('many streams of one HTTP/2 session, when the process closes', async (t) => {
    const app = Fastify({ forceCloseConnections: true, http2: true })
    await app.register(ssePlugin, { plain: true })
    const session = connectHttp2(`http://127.0.0.1:${await listen(t, app)}`)
    t.after(() => session.destroy())
    session.on('error', () => {})
    const codes: number[] = []
    for (let n = 0; n < 50; n++) {
      const stream = session.request({ ':path': '/events' })
      stream.on('error', () => {}).on('close', () => codes.push(stream.rstCode)).resume()
    }
    await until(() => app.sse.count() === 50)
    await app.sse.broadcast('message', 'x'.repeat(50_000))
    await app.close()
    await until(() => codes.length === 50)
    t.strictSame(new Set(codes), new Set([constants.NGHTTP2_INTERNAL_ERROR]))
  })
  await t.test('inject', async (t) => {
    const { app } = await startAnswering(t, true, new Error('secret'))
    await t.rejects(app.inject({ method: 'POST', url: '/answers' }))
  })
  await t.test('fetch', async (t) => {
    const { port } = await startAnswering(t, true, new Error('secret'))
    await t.rejects(fetch(`http://127.0.0.1:${port}/answers`, { method: 'POST' }).then((response) => response.text()))
  })
  await t.test('gzip', async (t) => {
    const { port } = await startAnswering(t, true, new Error('secret'), {}, { compress: true })
    const reader = (await RawReader.connect(t, port)).ask('POST /answers\ncontent-length: 0\naccept-encoding: gzip')
    t.equal((await reader.seesClose()).answers[0]!.complete, false)
  })
})

t.test('a plain stream that ends for another reason than an end of the application is cut after everything that was placed before', async (t) => {
  const reasons: Array<[CloseReason, (started: Started) => unknown, SsePluginOptions?]> = [
    ['shutdown', ({ app }) => app.close()],
    ['revoked', ({ app }) => app.sse.disconnect(() => true)],
    ['revoked', ({ app }) => app.sse.disconnect(() => true, { final: true })],
    ['lifetime', () => {}, { maxLifetime: 300 }],
    ['idle', () => {}, { idleTimeout: 200 }],
    ['expired', () => {}, { subscribe: () => ({ expiresAt: new Date(Date.now() + 300) }) }]
  ]
  for (const [reason, end, options] of reasons) {
    const started = await start(t, { subscribe: () => ({ plain: { end: '[DONE]' } }), ...options })
    const reader = await open(t, started.port)
    const { id } = await started.app.sse.broadcast('message', 'a')
    await reader.sees(({ bytes }) => bytes.includes('data: a'))
    void end(started)
    await reader.seesClose()
    // A shutdown and an old age draw a reconnection time.
    t.equal(bodyOf(reader).replace(OPENING, '').replace(/retry: \d+\n$/, ''), `id: ${id}\ndata: a\n\n`, reason)
    t.strictSame([reader.answers[0]!.complete, started.closes], [false, [reason]])
    await started.app.close()
  }
})

t.test('a plain stream is not negotiated, and other streams are', async (t) => {
  const { port, app } = await start(t, { subscribe: (request) => request.headers['x-form'] === undefined ? undefined : { plain: false } })
  await open(t, port, 'GET /events\naccept: application/json')
  const refused = await app.inject({ url: '/events', headers: { accept: 'application/json', 'x-form': 'events' } })
  t.equal(refused.statusCode, 406)
  const events = (await RawReader.connect(t, port)).ask('GET /events\nx-form: events')
  await events.seesEvents('sse.open')
})

t.test('the heartbeats of a plain stream are comments, whatever `heartbeatEvent` says', async (t) => {
  const { port } = await start(t, { heartbeatInterval: 50, heartbeatEvent: true })
  const reader = await open(t, port)
  await reader.sees(() => /^:\nretry: \d+\n(:\n){3}/.test(bodyOf(reader)))
  t.strictSame(reader.events, [])
})

t.test('a plain stream tells of a gap in the head alone', async (t) => {
  const { app, port } = await start(t)
  const { id } = await app.sse.broadcast('message', 'a')
  const reader = await open(t, port, 'GET /events\nlast-event-id: strange')
  await reader.sees(({ bytes }) => bytes.includes('data: a'))
  t.strictSame(reader.answers[0]!.headers['sse-gap'], ['unknown'])
  t.equal(bodyOf(reader).replace(OPENING, ''), `id: ${id}\ndata: a\n\n`)
  t.equal(app.sse.stats().gaps.unknown, 1)
  const head = await app.inject({ method: 'HEAD', url: '/events', headers: { 'last-event-id': 'strange', accept: 'application/json' } })
  t.strictSame([head.statusCode, head.headers['sse-gap']], [200, 'unknown'])
})

t.test('a plain stream whose reader fell behind the history is cut, and the reader learns of the gap when it comes back', async (t) => {
  const { app, port, closes } = await start(t, { history: { maxEvents: 10, maxBytes: 4_000_000 }, maxBacklogBytes: 0 })
  const reader = await open(t, port)
  const { id } = await app.sse.broadcast('message', 'first')
  await reader.sees(({ bytes }) => bytes.includes('first'))
  reader.socket.pause()
  for (let n = 0; n < 40; n++) {
    await app.sse.broadcast('message', 'x'.repeat(500_000))
    await turn()
  }
  reader.socket.resume()
  await reader.seesClose()
  t.equal(reader.answers[0]!.complete, false)
  t.strictSame(closes, ['slow'])
  t.equal(app.sse.stats().gaps.slow, 0)
  t.notMatch(bodyOf(reader), 'sse.')
  const again = await open(t, port, `GET /events\nlast-event-id: ${id}`)
  t.strictSame(again.answers[0]!.headers['sse-gap'], ['evicted'])
})

t.test('a plain stream that has lost events is cut even if the application has ended it', async (t) => {
  const { app, port, opened, closes } = await start(t, { history: { maxEvents: 10, maxBytes: 4_000_000 }, maxBacklogBytes: 0 })
  const reader = await open(t, port)
  reader.socket.pause()
  for (let n = 0; n < 40; n++) {
    await app.sse.broadcast('message', 'x'.repeat(500_000))
    await turn()
  }
  opened[0]!.close()
  for (let n = 0; n < 20; n++) await app.sse.broadcast('message', 'x'.repeat(500_000))
  reader.socket.resume()
  await reader.seesClose()
  t.strictSame([reader.answers[0]!.complete, closes], [false, ['slow']])
})

t.test('a reconnection time set later stands in front of the next event of a plain stream', async (t) => {
  const { app, port } = await start(t)
  const reader = await open(t, port)
  const first = await app.sse.broadcast('message', 'a')
  app.sse.setReconnectionTime(7)
  const second = await app.sse.broadcast('message', 'b')
  await reader.sees(({ bytes }) => bytes.includes('data: b'))
  t.equal(bodyOf(reader).replace(OPENING, ''), `id: ${first.id}\ndata: a\n\nretry: 7\nid: ${second.id}\ndata: b\n\n`)
})

t.test('a reader over a limit gets 503 from a plain stream, because an empty answer would look complete', async (t) => {
  const { port } = await start(t, { maxSubscribers: 0 })
  const reader = (await RawReader.connect(t, port)).ask('GET /events\naccept: text/event-stream')
  await reader.sees(({ answers }) => answers[0]?.complete === true)
  t.equal(reader.answers[0]!.status, 503)
  t.ok(Number(reader.answers[0]!.headers['retry-after']) >= 1)
})

t.test('a plain stream resumes after the last event ID, and a reader with the id of a final end gets 204 here, too', async (t) => {
  const { app, port } = await start(t)
  const { id } = await app.sse.broadcast('message', 'a')
  const { id: next } = await app.sse.broadcast('message', 'b')
  const reader = await open(t, port, `GET /events\nlast-event-id: ${id}`)
  await reader.sees(({ bytes }) => bytes.includes('data: b'))
  t.equal(bodyOf(reader).replace(OPENING, ''), `id: ${next}\ndata: b\n\n`)
  t.equal((await app.inject({ url: '/events', headers: { 'last-event-id': 'sse.final' } })).statusCode, 204)
})

t.test('HTTP/1.0 and compressed plain streams have the same events', async (t) => {
  const { app, port, opened } = await start(t, { compress: true })
  const old = (await RawReader.connect(t, port)).ask('GET /events HTTP/1.0')
  const compressed = await fetch(`http://127.0.0.1:${port}/events`, { headers: { 'accept-encoding': 'gzip' } })
  await until(() => opened.length === 2)
  const { id } = await app.sse.broadcast('message', 'a'.repeat(1000))
  const expected = `id: ${id}\ndata: ${'a'.repeat(1000)}\n\n`
  await old.sees(({ bytes }) => bytes.includes('aaa\n\n'))
  t.equal(bodyOf(old).replace(OPENING, ''), expected)
  for (const subscriber of opened) subscriber.close()
  t.equal(compressed.headers.get('content-encoding'), 'gzip')
  t.equal((await compressed.text()).replace(OPENING, ''), expected)
})

t.test('a pipelined plain stream that fails is cut before its own end', async (t) => {
  const passed = gate()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(ssePlugin, { path: false })
  app.get('/first', async () => { await passed.passed; return 'first' })
  app.get('/second', async (_request, reply) => {
    const subscriber = await app.sse.subscribe(reply, { channels: [], plain: true })
    // The rejection is logged.
    void subscriber.stream('message', async function * () { yield 'a'; throw new Error('secret') })
  })
  const reader = (await RawReader.connect(t, await listen(t, app))).ask('GET /first', 'GET /second')
  await until(() => app.sse.count() === 1)
  passed.open()
  await reader.seesClose()
  t.strictSame([reader.answers[0]!.complete, reader.answers[1]!.complete], [true, false])
  t.match(reader.answers[1]!.body, /^:\nretry: \d+\ndata: a\n\n$/)
})

t.test('a process that closes does not wait for a reader of a plain stream that reads nothing', async (t) => {
  const { app, port } = await start(t, { shutdownTimeout: 200, maxBacklogBytes: 0, history: { maxBytes: 100_000_000 } })
  const reader = await open(t, port)
  reader.socket.pause()
  for (let n = 0; n < 20; n++) await app.sse.broadcast('message', 'x'.repeat(1_000_000))
  await turn()
  await app.close()
  t.equal(app.sse.count(), 0)
})
