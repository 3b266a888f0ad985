import { connect as connectHttp2 } from 'node:http2'
import Fastify, { type FastifyServerOptions } from 'fastify'
import t from 'tap'
import ssePlugin from '../../plugin.ts'
import { millisecondsOf, openStalled, openStream, start } from './journey.ts'
import { RawReader, turn, until } from './raw-reader.ts'

const settings: Array<FastifyServerOptions['forceCloseConnections']> = [undefined, 'idle', true, false]
for (const forceCloseConnections of settings) {
  t.test(`\`app.close()\` with 100 open streams ends within 2 s, each after a \`retry\`; forceCloseConnections: ${forceCloseConnections}`, async (t) => {
    const ofServer = forceCloseConnections === undefined ? {} : { forceCloseConnections }
    const { app, port, closes, errors } = await start(t, { reconnectionTime: { min: 1500, max: 2500 } }, { ofServer })
    const readers = await Promise.all(Array.from({ length: 100 }, () => openStream(t, port)))
    void app.sse.broadcast('message', 'the last event')
    const time = await millisecondsOf(() => app.close())
    t.ok(time < 2000, `${Math.round(time)} ms`)
    await Promise.all(readers.map((reader) => reader.seesClose()))
    for (const reader of readers) {
      const [answer] = reader.answers
      if (!answer!.complete || !/data: the last event\n\nretry: (1[5-9]|2[0-5])\d\d\n$/.test(answer!.body)) t.fail('does not end cleanly after a retry', { answer })
    }
    t.equal(new Set(readers.map((reader) => reader.answers[0]!.body.slice(-5))).size > 10, true, 'reconnection times are drawn apart')
    t.equal(closes.length, 100)
    t.ok(closes.every((reason) => reason === 'shutdown'))
    t.equal(app.sse.count(), 0)
    t.strictSame(errors, [])
  })
}

t.test('`app.close()` with a reader that does not read', async (t) => {
  t.test('ends within `shutdownTimeout`, and cuts that one alone', async (t) => {
    const journey = await start(t, { shutdownTimeout: 300 })
    const stalled = await openStalled(t, journey)
    const other = await openStream(t, journey.port)
    const time = await millisecondsOf(() => journey.app.close())
    t.ok(time >= 295 && time < 1300, `${Math.round(time)} ms`)
    t.ok(other.answers[0]!.complete)
    stalled.socket.resume()
    await stalled.seesClose()
    t.notOk(stalled.answers[0]!.complete)
    t.strictSame(journey.closes, ['shutdown', 'shutdown'])
    t.strictSame(journey.errors, [])
  })

  t.test('ends at once where `shutdownTimeout` is 0', async (t) => {
    const journey = await start(t, { shutdownTimeout: 0 })
    await openStalled(t, journey)
    const time = await millisecondsOf(() => journey.app.close())
    t.ok(time < 1000, `${Math.round(time)} ms`)
    t.strictSame(journey.closes, ['shutdown'])
  })

  t.test('waits for it where `shutdownTimeout` is Infinity, and ends cleanly once it reads', async (t) => {
    const journey = await start(t, { shutdownTimeout: Infinity })
    const stalled = await openStalled(t, journey)
    let closed = false
    const closing = journey.app.close().then(() => { closed = true })
    for (let n = 0; n < 100; n++) await turn()
    t.notOk(closed)
    stalled.socket.resume()
    await closing
    await stalled.seesClose()
    t.ok(stalled.answers[0]!.complete)
    t.match(stalled.answers[0]!.body, /\nretry: \d+\n$/)
    t.strictSame(journey.closes, ['shutdown'])
  })

  t.test('keeps no connection on which others could come back and be answered with 503, and takes no new ones', async (t) => {
    const journey = await start(t, { shutdownTimeout: Infinity, reconnectionTime: 60 })
    const stalled = await openStalled(t, journey)
    const other = await openStream(t, journey.port)
    const closing = journey.app.close()
    await other.seesClose()
    t.ok(other.answers[0]!.complete)
    await t.rejects(RawReader.connect(t, journey.port), { code: 'ECONNREFUSED' })
    stalled.socket.resume()
    await closing
  })

  t.test('counts it as left where it leaves meanwhile', async (t) => {
    const journey = await start(t, { shutdownTimeout: Infinity })
    const stalled = await openStalled(t, journey)
    const closing = journey.app.close()
    await turn()
    stalled.socket.destroy()
    await closing
    t.strictSame(journey.closes, ['reader'])
  })
})

t.test('`app.close()` ends pipelined streams too, each cleanly', async (t) => {
  const { app, port, closes, errors } = await start(t)
  const reader = (await RawReader.connect(t, port)).ask('GET /events', 'GET /events', 'GET /events')
  await until(() => app.sse.count() === 3)
  const time = await millisecondsOf(() => app.close())
  t.ok(time < 2000, `${Math.round(time)} ms`)
  await reader.seesClose()
  t.strictSame(reader.answers.map(({ complete }) => complete), [true, true, true])
  t.strictSame(closes, ['shutdown', 'shutdown', 'shutdown'])
  t.strictSame(errors, [])
})

t.test('a stream that waits behind one that never reads is gone with it', async (t) => {
  const journey = await start(t, { shutdownTimeout: 100 })
  await openStalled(t, journey)
  const reader = await RawReader.connect(t, journey.port)
  reader.ask('GET /events', 'GET /events')
  await until(() => journey.app.sse.count() === 3)
  reader.socket.pause()
  while (journey.sockets.at(-1)!.writableLength < 100_000) {
    await journey.app.sse.broadcast('message', 'x'.repeat(500_000))
    await turn()
  }
  const time = await millisecondsOf(() => journey.app.close())
  t.ok(time < 1100, `${Math.round(time)} ms`)
  t.strictSame(journey.closes, ['shutdown', 'shutdown', 'shutdown'])
})

t.test('a reader that is in the middle of a long replay gets the rest of it, and a clean end', async (t) => {
  const { app, port, closes } = await start(t, { maxPayloadBytes: 4_000_000 })
  const beginning = app.sse.lastEventId!
  for (let n = 0; n < 10; n++) await app.sse.broadcast('message', `${n}${'x'.repeat(1_000_000)}`)
  const reader = await RawReader.connect(t, port)
  reader.ask(`GET /events\nlast-event-id: ${beginning}`)
  await reader.sees(({ bytes }) => bytes.length > 500_000)
  reader.socket.pause()
  const closed = app.close()
  for (let n = 0; n < 10; n++) await turn()
  reader.socket.resume()
  await closed
  await reader.seesClose()
  t.ok(reader.answers[0]!.complete)
  t.strictSame(reader.events.slice(1).map(({ data }) => data.slice(0, 2)), Array.from({ length: 10 }, (_, n) => `${n}x`))
  t.strictSame(closes, ['shutdown'])
})

t.test('a broadcast after, or while, the application closes rejects FST_SSE_CLOSED and crashes nothing', async (t) => {
  const { app, port, errors } = await start(t)
  const reader = await openStream(t, port)
  const closing = app.close()
  await reader.sees(({ answers }) => answers[0]!.complete)
  await t.rejects(app.sse.broadcast('message', 'while'), { code: 'FST_SSE_CLOSED' })
  await closing
  await t.rejects(app.sse.broadcast('message', 'after'), { code: 'FST_SSE_CLOSED' })
  void app.sse.broadcast('message', 'unheard')
  await turn()
  t.equal(errors.length, 3)
  t.equal(app.sse.stats().failedBroadcasts, 3)
  t.notMatch(reader.answers[0]!.body, 'while')
})

t.test('closing twice, at once and again, harms nobody', async (t) => {
  const { app, port, closes, errors } = await start(t)
  const reader = await openStream(t, port)
  await Promise.all([app.close(), app.close()])
  await app.close()
  await reader.seesClose()
  t.ok(reader.answers[0]!.complete)
  t.strictSame(closes, ['shutdown'])
  t.strictSame(errors, [])
})

t.test('closing before anybody listened ends at once', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin)
  const time = await millisecondsOf(() => app.close())
  t.ok(time < 1000, `${Math.round(time)} ms`)
})

t.test('HTTP/2 sessions', async (t) => {
  t.test('with 100 streams on ten of them end within 2 s, each stream cleanly', async (t) => {
    const { app, port, closes, errors } = await start(t, {}, { ofServer: { http2: true } as FastifyServerOptions })
    const bodies: string[] = []
    const codes: number[] = []
    let closedSessions = 0
    for (let n = 0; n < 10; n++) {
      const session = connectHttp2(`http://127.0.0.1:${port}`).on('close', () => { closedSessions++ })
      t.after(() => session.destroy())
      for (let m = 0; m < 10; m++) {
        const index = bodies.push('') - 1
        const stream = session.request({ ':path': '/events' }).setEncoding('utf8')
        stream.on('data', (piece: string) => { bodies[index] += piece }).on('close', () => codes.push(stream.rstCode))
      }
    }
    await until(() => bodies.every((body) => body.includes('sse.open')))
    const time = await millisecondsOf(() => app.close())
    t.ok(time < 2000, `${Math.round(time)} ms`)
    await until(() => closedSessions === 10)
    t.ok(bodies.every((body) => /\n\nretry: \d+\n$/.test(body)))
    t.strictSame(new Set(codes), new Set([0]))
    t.equal(codes.length, 100)
    t.equal(closes.length, 100)
    t.strictSame(errors, [])
  })

  t.test('with a stream that nobody reads have it reset within `shutdownTimeout`', async (t) => {
    const { app, port, closes } = await start(t, { shutdownTimeout: 200 }, { ofServer: { http2: true, forceCloseConnections: true } as FastifyServerOptions })
    const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
    t.after(() => session.destroy())
    const stream = session.request({ ':path': '/events' }).on('error', () => {})
    await new Promise((resolve) => stream.once('data', resolve))
    stream.pause()
    for (let n = 0; n < 10; n++) await app.sse.broadcast('message', 'x'.repeat(500_000))
    for (let n = 0; n < 10; n++) await turn()
    let closed: PromiseLike<unknown> | undefined
    const time = await millisecondsOf(() => {
      closed = app.close()
      return until(() => closes.length === 1)
    })
    t.ok(time >= 195 && time < 1200, `${Math.round(time)} ms`)
    t.strictSame(closes, ['shutdown'])
    // A reader of Node learns of the reset only when it reads on, and Fastify waits for the sessions of all.
    session.destroy()
    await closed
  })
})
