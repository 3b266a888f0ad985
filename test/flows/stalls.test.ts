import { connect as connectHttp2 } from 'node:http2'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { gate, listen, RawReader, turn, until } from './raw-reader.ts'

const MIB = 1024 * 1024
const STALL_TIMEOUT = 250

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'> = {}, http2 = false) {
  // A server of HTTP/2 has other types; the members used here are identical.
  const app = Fastify((http2 ? { http2: true } : {}) as object)
  const closes: CloseReason[] = []
  await app.register(ssePlugin, {
    stallTimeout: STALL_TIMEOUT,
    maxPayloadBytes: 16 * MIB,
    history: { maxBytes: 32 * MIB },
    shutdownTimeout: 0,
    onClose: (_subscriber, reason) => { closes.push(reason) },
    ...options
  })
  return { app, closes, port: await listen(t, app) }
}

t.test('a reader that reads one large event slowly but steadily is not cut', async (t) => {
  const stallTimeout = 800
  const { app, closes, port } = await start(t, { stallTimeout })
  const reader = await RawReader.connect(t, port)
  await reader.ask('GET /events').seesEvents('sse.open')
  reader.socket.pause()
  await app.sse.broadcast('message', 'x'.repeat(16 * MIB - 2))
  let read = 0
  const since = performance.now()
  // By the clock of this process: however rarely a busy machine lets it run, it reads no more slowly than that.
  const take = (): void => {
    while (read < (performance.now() - since) / 1000 * 4 * MIB) {
      const piece = reader.socket.read() as Buffer | null
      if (piece === null) return
      read += piece.length
    }
  }
  reader.socket.on('readable', take)
  while (performance.now() - since < 3 * stallTimeout) {
    take()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.ok(read > MIB && read < 16 * MIB, `it has read ${read} bytes`)
  t.strictSame(closes, [])
})

t.test('an HTTP/2 reader that reads slowly but steadily is not cut until it stops reading', async (t) => {
  const { app, closes, port } = await start(t, {}, true)
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  const stream = session.request({ ':path': '/events' })
  stream.on('error', () => {})
  await new Promise((resolve) => stream.once('data', resolve))
  stream.pause()
  await app.sse.broadcast('message', 'x'.repeat(4 * MIB))
  const since = performance.now()
  // Over HTTP/2 only whole writes are visible: a slow reader may take up to four times the timeout for one.
  while (performance.now() - since < 2 * STALL_TIMEOUT) {
    stream.read(16 * 1024)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.strictSame(closes, [])
  await until(() => closes.length > 0)
  t.strictSame(closes, ['stalled'])
})

t.test('a pipelined stream that waits for its turn does not count as stalled', async (t) => {
  const { app, closes, port } = await start(t)
  const reader = await RawReader.connect(t, port)
  reader.ask('GET /events', 'GET /events')
  await until(() => app.sse.count() === 2)
  const since = performance.now()
  while (performance.now() - since < 2 * STALL_TIMEOUT) await new Promise((resolve) => setTimeout(resolve, 10))
  t.strictSame(closes, [])
  const [first] = app.sse.subscribers()
  first!.close()
  await reader.sees(({ answers }) => answers.length === 2 && answers[1]!.body !== '')
  t.strictSame(closes, ['ended'])
})

t.test('a source is not pulled for a reader that has half-closed with much left to read', async (t) => {
  const app = Fastify()
  const opened = gate()
  let subscriber: Subscriber | undefined
  await app.register(ssePlugin, { path: false, stallTimeout: false, maxBacklogBytes: Infinity, maxPayloadBytes: 16 * MIB, shutdownTimeout: 0 })
  app.get('/answer', async (_request, reply) => {
    subscriber = await app.sse.subscribe(reply, { channels: [] })
    opened.open()
  })
  const halves = gate()
  app.server.on('connection', (socket) => socket.on('end', () => halves.open()))
  const reader = await RawReader.connect(t, await listen(t, app))
  reader.socket.pause()
  reader.ask('GET /answer')
  await opened.passed
  t.equal(await subscriber!.send('message', 'x'.repeat(16 * MIB - 2)), true)
  reader.socket.end()
  await halves.passed
  let pulled = 0
  void subscriber!.stream('message', async function * () {
    for (;;) yield String(pulled++)
  })
  for (let i = 0; i < 200; i++) await turn()
  t.ok(pulled <= 2, `${pulled} pulled`)
  const sent = subscriber!.send('message', 'after')
  reader.socket.destroy()
  t.equal(await sent, false)
  t.equal(await subscriber!.closed, 'reader')
})

t.test('a reader of HTTP/1.0 that reads nothing is cut even while its stream ends', async (t) => {
  const { app, closes, port } = await start(t, { maxBacklogBytes: Infinity })
  const reader = await RawReader.connect(t, port)
  reader.ask('GET /events HTTP/1.0')
  await until(() => app.sse.count() === 1)
  reader.socket.pause()
  const [subscriber] = app.sse.subscribers()
  await subscriber!.send('message', 'x'.repeat(16 * MIB - 2))
  subscriber!.close()
  await until(() => closes.length === 1)
  t.strictSame(closes, ['stalled'])
})

t.test('a closing server does not wait for', async (t) => {
  t.test('a pipelined stream behind a response that never comes', async (t) => {
    const app = Fastify({ forceCloseConnections: true })
    await app.register(ssePlugin, { shutdownTimeout: 50 })
    app.get('/slow', () => {})
    const reader = await RawReader.connect(t, await listen(t, app))
    reader.ask('GET /slow', 'GET /events')
    await until(() => app.sse.count() === 1)
    await app.close()
    t.equal(app.sse.stats().closes.shutdown, 1)
  })

  for (const ends of [false, true]) {
    t.test(`an HTTP/2 reader that reads nothing${ends ? ' of a stream that ends' : ''}`, async (t) => {
      const { app, port } = await start(t, { shutdownTimeout: 50, stallTimeout: false }, true)
      const session = connectHttp2(`http://127.0.0.1:${port}`)
      session.on('error', () => {})
      t.after(() => session.destroy())
      const stream = session.request({ ':path': '/events' })
      stream.on('error', () => {})
      await new Promise((resolve) => stream.once('data', resolve))
      stream.pause()
      await app.sse.broadcast('message', 'x'.repeat(16 * MIB - 2))
      const [subscriber] = app.sse.subscribers()
      await until(() => subscriber!.lag === 0)
      if (ends) subscriber!.close()
      await app.close()
      t.equal(await subscriber!.closed, 'shutdown')
    })
  }
})

t.test('over HTTP/2 an unread stream is cut although another stream of its connection is served all the time', async (t) => {
  const { app, closes, port } = await start(t, { heartbeatInterval: 50, stallTimeout: 100 }, true)
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  const [read, unread] = [session.request({ ':path': '/events' }), session.request({ ':path': '/events' })]
  for (const stream of [read, unread]) stream.on('error', () => {})
  await Promise.all([read, unread].map((stream) => new Promise((resolve) => stream.once('data', resolve))))
  read.resume()
  unread.pause()
  await app.sse.broadcast('message', 'x'.repeat(MIB))
  await until(() => closes.length > 0)
  t.strictSame([closes, app.sse.count()], [['stalled'], 1])
})
