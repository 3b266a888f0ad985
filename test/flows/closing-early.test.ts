import { connect as connectHttp2 } from 'node:http2'
import type { FastifyServerOptions } from 'fastify'
import t from 'tap'
import { holding, millisecondsOf, start } from './journey.ts'
import { gate, RawReader, turn, until } from './raw-reader.ts'

// Streams that have not opened yet when the application closes.

t.test('a stream whose hook still runs while the application closes opens and ends cleanly with a `retry`', async (t) => {
  const { entered, hook, release } = holding()
  const { app, port, closes } = await start(t, {
    route: { preHandler: hook }
  })
  const reader = (await RawReader.connect(t, port)).ask('GET /events')
  await entered
  const closed = app.close()
  // By then the hub has closed, because it had no stream to wait for.
  for (let n = 0; n < 10; n++) await turn()
  release()
  await reader.seesClose()
  await closed
  t.ok(reader.answers[0]!.complete)
  t.strictSame(reader.answers[0]!.headers.connection, ['close'], 'Node would otherwise keep the connection alive')
  t.match(reader.answers[0]!.body, /\nevent: sse\.open\ndata: .*\n\nretry: \d+\n$/)
  t.strictSame(closes, ['shutdown'])
})

t.test('a stream that never opens', async (t) => {
  for (const hangs of ['subscribe', 'headers', 'keyGenerator', 'onSend'] as const) {
    t.test(`because \`${hangs}\` never settles is cut after \`shutdownTimeout\``, async (t) => {
      const entered = gate()
      const hang = async (): Promise<never> => {
        entered.open()
        return await new Promise<never>(() => {})
      }
      const { app, port, closes, errors } = await start(t, {
        shutdownTimeout: 200,
        ...hangs === 'subscribe' ? { subscribe: hang } : {},
        ...hangs === 'headers' ? { headers: hang } : {},
        ...hangs === 'keyGenerator' ? { keyGenerator: hang, maxSubscribersPerKey: 1 } : {},
        ...hangs === 'onSend' ? { route: { onSend: hang } } : {}
      })
      const reader = (await RawReader.connect(t, port)).ask('GET /events')
      await entered.passed
      const time = await millisecondsOf(() => app.close())
      t.ok(time >= 195 && time < 1200, `${Math.round(time)} ms`)
      await reader.seesClose()
      t.equal(reader.bytes.length, 0)
      t.strictSame([closes, errors, app.sse.count()], [[], [], 0])
    })
  }

  t.test('because its hook ends only after the hub has closed is cut too', async (t) => {
    const { entered, hook, release } = holding()
    const { app, port } = await start(t, {
      shutdownTimeout: 100,
      headers: () => new Promise<never>(() => {}),
      route: { preHandler: hook }
    })
    const reader = (await RawReader.connect(t, port)).ask('GET /events')
    await entered
    const closed = app.close()
    for (let n = 0; n < 10; n++) await turn()
    release()
    await reader.seesClose()
    await closed
    t.equal(reader.bytes.length, 0)
  })

  t.test('over HTTP/2 is cut with its session', async (t) => {
    const entered = gate()
    const { app, port } = await start(t, {
      shutdownTimeout: 100,
      headers: () => {
        entered.open()
        return new Promise<never>(() => {})
      }
    }, { ofServer: { http2: true } as FastifyServerOptions })
    const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
    t.after(() => session.destroy())
    session.request({ ':path': '/events' }).on('error', () => {})
    await entered.passed
    await app.close()
    await until(() => session.closed || session.destroyed)
  })
})

t.test('a late response other than an event stream ends its connection and does not delay a closing server:', async (t) => {
  const late: Array<[title: string, request: string, status: number]> = [
    ['204', 'GET /events\nlast-event-id: sse.final', 204],
    ['HEAD', 'HEAD /events', 200],
    ['a lone reconnection time', 'GET /events?full\naccept: text/event-stream', 200],
    ['503', 'GET /events?full\naccept: */*', 503],
    ['another route', 'GET /plain', 200]
  ]
  for (const [title, request, status] of late) {
    t.test(title, async (t) => {
      const { entered, hook, release } = holding()
      const { app, port } = await start(t, {
        route: { preHandler: hook },
        maxSubscribers: request.includes('full') ? 0 : Infinity
      }, { prepare: (app) => { app.get('/plain', { preHandler: hook }, async () => 'plain') } })
      const reader = (await RawReader.connect(t, port)).ask(request)
      await entered
      const closed = app.close()
      for (let n = 0; n < 10; n++) await turn()
      release()
      await reader.seesClose()
      t.equal(reader.answers[0]!.status, status)
      await closed
    })
  }
})

t.test('a late 204 over HTTP/2 ends its session', async (t) => {
  const { entered, hook, release } = holding()
  const { app, port } = await start(t, {
    route: { preHandler: hook }
  }, { ofServer: { http2: true } as FastifyServerOptions })
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  // A stream in progress, so that the session is not idle when the server closes.
  const stream = session.request({ ':path': '/events', 'last-event-id': 'sse.final' })
  const status = new Promise((resolve) => stream.once('response', (head) => resolve(head[':status'])))
  await entered
  const closed = app.close()
  for (let n = 0; n < 10; n++) await turn()
  release()
  t.equal(await status, 204)
  await until(() => session.closed)
  await closed
})

t.test('`closed` resolves with `shutdown` for a stream that was cut before it opened', async (t) => {
  const entered = gate()
  const reasons: string[] = []
  const { app, port } = await start(t, { path: false, shutdownTimeout: 50 }, {
    prepare: (app) => {
      const hang = async (): Promise<never> => {
        entered.open()
        return await new Promise<never>(() => {})
      }
      app.get('/own', { onSend: hang }, async (_request, reply) => {
        const subscriber = await app.sse.subscribe(reply)
        reasons.push(await subscriber.closed)
      })
    }
  })
  const reader = (await RawReader.connect(t, port)).ask('GET /own')
  await entered.passed
  await app.close()
  await reader.seesClose()
  await until(() => reasons.length === 1)
  t.strictSame(reasons, ['shutdown'])
})

t.test('a stream that opened late is no longer counted once the application has closed', async (t) => {
  const { entered, hook, release } = holding()
  const { app, port, closes } = await start(t, {
    shutdownTimeout: 50,
    subscribe: () => ({ from: 'oldest' }),
    route: { preHandler: hook }
  })
  for (let n = 0; n < 12; n++) await app.sse.broadcast('message', 'x'.repeat(1_000_000))
  const reader = (await RawReader.connect(t, port)).ask('GET /events')
  reader.socket.pause()
  await entered
  const closed = app.close()
  for (let n = 0; n < 10; n++) await turn()
  release()
  await closed
  t.strictSame([closes, app.sse.count()], [['shutdown'], 0])
})
