import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { FastifyServerOptions } from 'fastify'
import t from 'tap'
import { openStalled, openStream, start } from './journey.ts'
import { RawReader, turn, until } from './raw-reader.ts'

// Connections without a stream, while the application closes.

for (const forceCloseConnections of [undefined, true]) {
  t.test(`a connection without a request outlives every stream, and then delays a closing application unless Fastify cuts it; forceCloseConnections: ${forceCloseConnections}`, async (t) => {
    const ofServer = forceCloseConnections === undefined ? {} : { forceCloseConnections }
    const journey = await start(t, { shutdownTimeout: Infinity }, { ofServer })
    const silent = await RawReader.connect(t, journey.port)
    const other = await openStream(t, journey.port)
    const stalled = await openStalled(t, journey)
    let closed = false
    const closing = journey.app.close().then(() => { closed = true })
    await other.seesClose()
    t.ok(other.answers[0]!.complete)
    for (let n = 0; n < 20; n++) await turn()
    t.notOk(silent.ended || silent.closed, 'it stays open while a stream is open')
    stalled.socket.resume()
    await stalled.seesClose()
    t.ok(stalled.answers[0]!.complete, 'the stream ends cleanly')
    if (forceCloseConnections === undefined) {
      for (let n = 0; n < 100; n++) await turn()
      t.strictSame([closed, silent.closed], [false, false], 'it delays the closing application')
      silent.socket.destroy()
    }
    await closing
    await silent.seesClose()
    t.strictSame([journey.closes, journey.errors], [['shutdown', 'shutdown'], []])
  })
}

t.test('an idle keep-alive connection does not delay a closing application', async (t) => {
  const { app, port } = await start(t)
  const idle = await RawReader.connect(t, port)
  await idle.ask('GET /nowhere').sees(({ answers }) => answers[0]?.complete === true)
  const reader = await openStream(t, port)
  await app.close()
  await Promise.all([idle.seesClose(), reader.seesClose()])
  t.ok(reader.answers[0]!.complete)
})

for (const forceCloseConnections of [undefined, true]) {
  t.test(`an HTTP/2 session without a stream delays a closing application unless Fastify cuts it; forceCloseConnections: ${forceCloseConnections}`, async (t) => {
    const ofServer = { http2: true, ...forceCloseConnections === undefined ? {} : { forceCloseConnections } } as FastifyServerOptions
    const { app, port, closes, errors } = await start(t, {}, { ofServer })
    const open = () => {
      const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
      t.after(() => session.destroy())
      return session
    }
    const idle = open()
    await once(idle, 'remoteSettings')
    const stream = open().request({ ':path': '/events' })
    let body = ''
    let ended = false
    stream.setEncoding('utf8').on('data', (piece: string) => { body += piece }).on('end', () => { ended = stream.rstCode === 0 })
    await until(() => body.includes('sse.open'))
    void app.sse.broadcast('message', 'the last event')
    let closed = false
    const closing = app.close().then(() => { closed = true })
    await until(() => ended)
    t.match(body, /data: the last event\n\nretry: \d+\n$/)
    if (forceCloseConnections === undefined) {
      for (let n = 0; n < 100; n++) await turn()
      t.strictSame([closed, idle.closed], [false, false], 'it delays the closing application')
      idle.destroy()
    }
    await closing
    await until(() => idle.closed || idle.destroyed)
    t.strictSame([closes, errors], [['shutdown'], []])
  })
}

t.test('a goodbye event', async (t) => {
  t.test('from a `preClose` hook added before the plugin reaches every reader before its stream ends', async (t) => {
    const { app, port, errors } = await start(t, {}, {
      prepare: (app) => { app.addHook('preClose', async () => { await app.sse.broadcast('message', 'goodbye') }) }
    })
    const readers = await Promise.all(Array.from({ length: 20 }, () => openStream(t, port)))
    await app.close()
    await Promise.all(readers.map((reader) => reader.seesClose()))
    for (const { answers: [answer] } of readers) t.match(answer!.body, /data: goodbye\n\nretry: \d+\n$/)
    t.ok(readers.every(({ answers: [answer] }) => answer!.complete))
    t.strictSame(errors, [])
  })

  t.test('from a `preClose` hook added after the plugin is refused with FST_SSE_CLOSED', async (t) => {
    let code: unknown
    const { app, port } = await start(t, {}, {
      complete: (app) => { app.addHook('preClose', async () => { await app.sse.broadcast('message', 'goodbye').catch((error) => { code = error.code }) }) }
    })
    const reader = await openStream(t, port)
    await app.close()
    await reader.seesClose()
    t.equal(code, 'FST_SSE_CLOSED')
    t.notMatch(reader.answers[0]!.body, 'goodbye')
  })
})
