import dns from 'node:dns'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { serversOf } from '../../lib/open/servers.ts'
import ssePlugin from '../../plugin.ts'
import { millisecondsOf, openStalled, openStream, start } from './journey.ts'
import { RawReader, turn, until } from './raw-reader.ts'

const settings: Array<FastifyServerOptions['forceCloseConnections']> = [undefined, 'idle', true, false]
for (const forceCloseConnections of settings) {
  t.test(`\`app.close()\` ends 100 open streams within 2 s, each after a \`retry\`; forceCloseConnections: ${forceCloseConnections}`, async (t) => {
    const ofServer = forceCloseConnections === undefined ? {} : { forceCloseConnections }
    const { app, port, closes, errors } = await start(t, { reconnectionTime: { min: 1500, max: 2500 } }, { ofServer })
    const readers = await Promise.all(Array.from({ length: 100 }, () => openStream(t, port)))
    void app.sse.broadcast('message', 'the last event')
    const time = await millisecondsOf(() => app.close())
    t.ok(time < 2000, `${Math.round(time)} ms`)
    await Promise.all(readers.map((reader) => reader.seesClose()))
    for (const reader of readers) {
      const [answer] = reader.answers
      if (!answer!.complete || !/data: the last event\n\nretry: (1[5-9]|2[0-5])\d\d\n$/.test(answer!.body)) t.fail('a stream does not end cleanly after a `retry`', { answer })
    }
    t.equal(new Set(readers.map((reader) => reader.answers[0]!.body.slice(-5))).size > 10, true, 'reconnection times vary')
    t.equal(closes.length, 100)
    t.ok(closes.every((reason) => reason === 'shutdown'))
    t.equal(app.sse.count(), 0)
    t.strictSame(errors, [])
  })
}

t.test('`app.close()` with a reader that does not read', async (t) => {
  t.test('takes no longer than `shutdownTimeout` and cuts that reader alone', async (t) => {
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

  t.test('cuts that reader immediately if `shutdownTimeout` is 0', async (t) => {
    const journey = await start(t, { shutdownTimeout: 0 })
    await openStalled(t, journey)
    const time = await millisecondsOf(() => journey.app.close())
    t.ok(time < 1000, `${Math.round(time)} ms`)
    t.strictSame(journey.closes, ['shutdown'])
  })

  t.test('waits for that reader if `shutdownTimeout` is Infinity and ends its stream cleanly once it reads', async (t) => {
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

  t.test('refuses new connections and closes those of the other readers, so that none of them can get a 503', async (t) => {
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

  t.test('reports the reason `reader` if that reader leaves meanwhile', async (t) => {
    const journey = await start(t, { shutdownTimeout: Infinity })
    const stalled = await openStalled(t, journey)
    const closing = journey.app.close()
    await turn()
    stalled.socket.destroy()
    await closing
    t.strictSame(journey.closes, ['reader'])
  })
})

t.test('`app.close()` ends pipelined streams, each of them cleanly', async (t) => {
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

t.test('a pipelined stream that waits behind a stalled one is cut together with it', async (t) => {
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

t.test('a reader in the middle of a long replay gets the rest of it and a clean end when the application closes', async (t) => {
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

t.test('a broadcast during or after `app.close()` rejects with FST_SSE_CLOSED and causes no unhandled rejection', async (t) => {
  const { app, port, errors } = await start(t)
  const reader = await openStream(t, port)
  const closing = app.close()
  await reader.sees(({ answers }) => answers[0]!.complete)
  await t.rejects(app.sse.broadcast('message', 'while'), { code: 'FST_SSE_CLOSED' })
  await closing
  await t.rejects(app.sse.broadcast('message', 'after'), { code: 'FST_SSE_CLOSED' })
  void app.sse.broadcast('message', 'unheard')
  await turn()
  t.strictSame(errors, [])
  t.equal(app.sse.stats().failedBroadcasts, 3)
  t.notMatch(reader.answers[0]!.body, 'while')
})

t.test('all late broadcasts and sends of a closing application are logged once in total, at `info`', async (t) => {
  const logged: Array<{ level: number, msg: string }> = []
  const outcomes: unknown[] = []
  const { app, port, errors } = await start(t, {
    onClose: async (subscriber) => {
      outcomes.push(await subscriber.send('message', 'late'), await subscriber.stream('message', async function * () { yield 'late' }))
      for (const name of ['a', 'b']) void app.sse.channel(name).broadcast('message', 'somebody left')
      await app.sse.broadcast('message', 'somebody left')
    }
  }, {
    ofServer: { logger: { level: 'debug', stream: { write: (line: string) => { logged.push(JSON.parse(line)) } } } },
    prepare: (app) => {
      // Simulates a timer that is not cleared, and ticks while the plugin waits for its streams.
      app.addHook('onClose', async () => { for (let n = 0; n < 10; n++) app.sse.broadcast('message', n).catch(({ code }) => outcomes.push(code)) })
    }
  })
  const readers = await Promise.all(Array.from({ length: 5 }, () => openStream(t, port)))
  await app.close()
  await Promise.all(readers.map((reader) => reader.seesClose()))
  await turn()

  t.strictSame(outcomes.filter((one) => one === 'FST_SSE_CLOSED').length, 10)
  t.strictSame(outcomes.filter((one) => one === false).length, 10, 'sends to closed subscribers resolve with false')
  t.equal(app.sse.stats().failedBroadcasts, 5 * 3 + 10)
  const late = logged.filter(({ msg }) => msg.includes('was broadcast after the application began to close'))
  t.match(late, [{ level: 30 }])
  t.equal(late.length, 1)
  t.strictSame([logged.filter(({ level }) => level > 30), errors], [[], []])
})

t.test('concurrent and repeated calls of `app.close()` end each stream once', async (t) => {
  const { app, port, closes, errors } = await start(t)
  const reader = await openStream(t, port)
  await Promise.all([app.close(), app.close()])
  await app.close()
  await reader.seesClose()
  t.ok(reader.answers[0]!.complete)
  t.strictSame(closes, ['shutdown'])
  t.strictSame(errors, [])
})

t.test('`app.close()` before `app.listen()` resolves immediately', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin)
  const time = await millisecondsOf(() => app.close())
  t.ok(time < 1000, `${Math.round(time)} ms`)
})

t.test('HTTP/2 sessions', async (t) => {
  t.test('with 100 streams on ten sessions end within 2 s, each stream cleanly', async (t) => {
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

  t.test('with an unread stream have that stream reset after `shutdownTimeout`', async (t) => {
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
    // Node's client notices the reset only when it reads again, and Fastify waits for every session.
    session.destroy()
    await closed
  })
})

t.test('a slow reader of a closing server gets every byte that its socket had accepted and a clean end', async (t) => {
  for (const end of ['shutdown', 'ended'] as const) {
    const { app, port, opened, closes, sockets } = await start(t, { maxBacklogBytes: Infinity, maxPayloadBytes: Infinity })
    const reader = await openStream(t, port)
    reader.socket.pause()
    await app.sse.broadcast('message', 'x'.repeat(10_000_000))
    await until(() => sockets[0]!.writableLength > 1_000_000)
    if (end === 'ended') opened[0]!.close()
    // Until the end is written, behind all bytes that wait.
    for (let n = 0; n < 10; n++) await turn()
    const closed = app.close()
    // Real time: meanwhile the server must not close the connection as idle.
    await new Promise((resolve) => setTimeout(resolve, 700))
    reader.socket.resume()
    await closed
    await reader.seesClose()
    t.ok(reader.answers[0]!.complete, end)
    t.equal(reader.events.at(-1)!.data.length, 10_000_000)
    t.strictSame(closes, [end])
  }
})

t.test('a reader that reconnects to a closing server over an idle connection is cut, not answered with 503', async (t) => {
  const journey = await start(t, { shutdownTimeout: Infinity })
  const idle = await RawReader.connect(t, journey.port)
  await idle.ask('GET /nowhere').sees(({ answers }) => answers[0]?.complete === true)
  const stalled = await openStalled(t, journey)
  const closing = journey.app.close()
  for (let n = 0; n < 10; n++) await turn()
  idle.socket.on('error', () => {})
  idle.ask('GET /events\naccept: text/event-stream')
  await idle.seesClose()
  t.equal(idle.answers.length, 1)
  stalled.socket.resume()
  await closing
})

/** Simulates a `localhost` with two addresses, which some machines that run this test do not have. */
async function listenOnTwo (t: Test, app: FastifyInstance): Promise<void> {
  const { lookup } = dns
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
  const answer = (host: string, ...rest: unknown[]): void => {
    if (host !== 'localhost') return void Reflect.apply(lookup, dns, [host, ...rest])
    const done = rest.at(-1) as (error: null, ...found: unknown[]) => void
    if ((rest[0] as { all?: boolean }).all === true) done(null, addresses)
    else done(null, addresses[0]!.address, 4)
  }
  Object.assign(dns, { lookup: answer })
  t.after(() => app.close())
  try {
    await app.listen({ port: 0, host: 'localhost' })
  } finally {
    Object.assign(dns, { lookup })
  }
}

for (const scope of ['the application', 'a scope of the application']) {
  t.test(`with the plugin in ${scope}, a server that never carried a stream stops listening`, async (t) => {
    const app = Fastify()
    const options = { shutdownTimeout: Infinity, maxPayloadBytes: Infinity }
    let { sse } = app
    if (scope === 'the application') app.register(ssePlugin, options).after(() => { sse = app.sse })
    else app.register(async (child) => { await child.register(ssePlugin, options); sse = child.sse })
    await listenOnTwo(t, app)
    const addresses = app.addresses() as AddressInfo[]
    t.strictSame(addresses.map(({ address }) => address).sort(), ['127.0.0.1', '127.0.0.2'])
    const { port } = app.server.address() as AddressInfo
    const reader = await openStream(t, port)
    reader.socket.pause()
    await sse.broadcast('message', 'x'.repeat(10_000_000))
    const idle = new RawReader(connect(port, '127.0.0.2'))
    t.after(() => idle.socket.destroy())
    await idle.ask('GET /nowhere').sees(({ answers }) => answers[0]?.complete === true)
    const closing = app.close()
    await until(() => !app.server.listening)
    await t.rejects(once(connect(port, '127.0.0.2'), 'connect'), { code: 'ECONNREFUSED' })
    // A connection that was open before gets no response either.
    idle.ask('GET /events\naccept: text/event-stream')
    await idle.seesClose()
    t.equal(idle.answers.length, 1)
    reader.socket.resume()
    await closing
  })
}

t.test('`serversOf` is the main server alone if the list of servers in Fastify cannot be read', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: Infinity, maxPayloadBytes: Infinity })
  await listenOnTwo(t, app)
  const bindings = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.serverBindings')!
  const secondary = Reflect.get(app, bindings)
  for (const value of [undefined, null, 'none', [{}]]) {
    Reflect.set(app, bindings, value)
    t.strictSame(serversOf(app), [app.server])
  }
  Reflect.set(app, bindings, secondary)
  t.strictSame(serversOf(app), [app.server, ...secondary])
  t.strictSame(serversOf({ server: app.server } as FastifyInstance), [app.server])
})

t.test('both servers of a `localhost` with two addresses stop listening', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: Infinity, maxPayloadBytes: Infinity })
  await listenOnTwo(t, app)
  const addresses = app.addresses() as AddressInfo[]
  const { port } = addresses[0]!
  const readers = await Promise.all(addresses.map(async ({ address }) => {
    const socket = connect(port, address)
    t.after(() => socket.destroy())
    return await new RawReader(socket).ask('GET /events').seesEvents('sse.open')
  }))
  readers[0]!.socket.pause()
  await app.sse.broadcast('message', 'x'.repeat(10_000_000))
  const closing = app.close()
  for (const reader of readers.slice(1)) await reader.seesClose()
  await until(() => !app.server.listening)
  for (const { address } of addresses) {
    const again = connect(port, address)
    await t.rejects(once(again, 'connect'), { code: 'ECONNREFUSED' }, address)
  }
  readers[0]!.socket.resume()
  await closing
})

t.test('a server from `serverFactory` that the application does not listen with stays open', async (t) => {
  let server: Server | undefined
  const app = Fastify({ serverFactory: (handler) => { server = createServer(handler); return server } })
  await app.register(ssePlugin)
  await app.ready()
  server!.listen(0, '127.0.0.1')
  await once(server!, 'listening')
  t.after(() => server!.close())
  await app.close()
  t.equal(server!.listening, true)
})

t.test('over HTTP/2', async (t) => {
  const ofServer = { http2: true } as FastifyServerOptions

  t.test('a session sends GOAWAY only after all its streams have ended', async (t) => {
    const { app, port } = await start(t, {}, { ofServer })
    const order: string[] = []
    const session = connectHttp2(`http://127.0.0.1:${port}`).on('goaway', () => order.push('goaway'))
    t.after(() => session.destroy())
    const streams = Array.from({ length: 3 }, () => session.request({ ':path': '/events' }))
    let begun = 0
    for (const stream of streams) stream.once('data', () => { begun++ }).on('end', () => order.push('end'))
    await until(() => begun === 3)
    await app.close()
    await until(() => order.length >= 4)
    t.strictSame(order.slice(0, 4), ['end', 'end', 'end', 'goaway'])
  })

  t.test('a stream that is found stalled during the shutdown ends its session', async (t) => {
    const { app, port, closes } = await start(t, { stallTimeout: 100, shutdownTimeout: 60_000, maxPayloadBytes: Infinity }, { ofServer })
    const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
    t.after(() => session.destroy())
    const stream = session.request({ ':path': '/events' }).on('error', () => {})
    await new Promise((resolve) => stream.once('data', resolve))
    stream.pause()
    await app.sse.broadcast('message', 'x'.repeat(5_000_000))
    await app.close()
    t.strictSame(closes, ['stalled'])
  })
})
