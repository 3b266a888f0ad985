import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import t, { type Test } from 'tap'
import { holding, openStalled, start, type Journey } from './journey.ts'
import { RawReader, until } from './raw-reader.ts'

// Requests for a stream that also ask for an upgrade, to an application that listens for upgrades.

const H2C = 'connection: Upgrade, HTTP2-Settings\nupgrade: h2c\nhttp2-settings: AAMAAABkAAQAAP__'
const WEBSOCKET = 'connection: Upgrade\nupgrade: websocket\nsec-websocket-version: 13\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='

type Options = Parameters<typeof start>[1]

/** Applications that listen for upgrades, through @fastify/websocket or by hand. */
const listeners: Array<[title: string, start: (t: Test, options?: Options) => Promise<Journey>]> = [
  ['@fastify/websocket', (t, options) => start(t, options, { complete: (app) => app.register(websocket) })],
  ['a listener of the application', async (t, options) => start(t, options, {
    prepare: (app) => {
      app.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
        const response = new ServerResponse(request)
        response.assignSocket(socket)
        app.routing(request, response)
      })
    }
  })]
]

for (const [title, startListening] of listeners) {
  t.test(`with ${title}`, async (t) => {
    const startQuiet = (t: Test, options: Options = {}): Promise<Journey> => startListening(t, { heartbeatInterval: false, ...options })

    for (const [name, headers] of [['h2c', H2C], ['websocket', WEBSOCKET]]) {
      t.test(`a reader that asked for ${name} gets its events, and its place is free once it leaves`, async (t) => {
        for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
          const { app, port, closes } = await startQuiet(t, { maxSubscribers: 1 })
          const reader = (await RawReader.connect(t, port)).ask(`GET /events\n${headers}`)
          await reader.seesEvents('sse.open')
          await app.sse.broadcast('message', 'one')
          await reader.seesEvents(undefined)
          t.strictSame(reader.answers[0]!.headers.connection, ['close'])
          ;(reader.socket as Socket)[leave]()
          await until(() => app.sse.count() === 0)
          t.strictSame(closes, ['reader'])
          await (await RawReader.connect(t, port)).ask('GET /events').seesEvents('sse.open')
        }
      })
    }

    t.test('bytes from the reader are ignored and do not hide that it leaves', async (t) => {
      const { app, port } = await startQuiet(t)
      const reader = (await RawReader.connect(t, port)).ask(`GET /events\n${H2C}`)
      await reader.seesEvents('sse.open')
      for (let n = 0; n < 20; n++) reader.socket.write(Buffer.alloc(64 * 1024))
      await new Promise((resolve) => reader.socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', resolve))
      await app.sse.broadcast('message', 'one')
      await reader.seesEvents(undefined)
      reader.socket.end()
      await until(() => app.sse.count() === 0)
    })

    t.test('a clean end of the stream ends its connection', async (t) => {
      const { port, opened, closes } = await startQuiet(t)
      const reader = (await RawReader.connect(t, port)).ask(`GET /events\n${H2C}`)
      await reader.seesEvents('sse.open')
      opened[0]!.close({ final: true })
      await reader.seesClose()
      t.ok(reader.answers[0]!.complete)
      t.equal(reader.events.at(-1)!.event, 'sse.close')
      t.strictSame(closes, ['ended'])
    })

    t.test('`app.close()` ends the stream cleanly', async (t) => {
      const { app, port, closes } = await startQuiet(t)
      const reader = (await RawReader.connect(t, port)).ask(`GET /events\n${H2C}`)
      await reader.seesEvents('sse.open')
      await app.close()
      await reader.seesClose()
      t.ok(reader.answers[0]!.complete)
      t.strictSame(closes, ['shutdown'])
    })

    t.test('a reader that reconnects over an idle connection while the application closes is cut', async (t) => {
      const journey = await startQuiet(t, { shutdownTimeout: Infinity })
      const idle = await RawReader.connect(t, journey.port)
      await idle.ask('GET /nowhere').sees(({ answers }) => answers[0]?.complete === true)
      const stalled = await openStalled(t, journey)
      const closing = journey.app.close()
      await until(() => !journey.app.server.listening)
      await idle.ask(`GET /events\naccept: text/event-stream\n${H2C}`).seesClose()
      t.equal(idle.answers.length, 1)
      stalled.socket.resume()
      await closing
      t.strictSame(journey.errors, [])
    })

    const others: Array<[title: string, request: string, options: Options, status: number]> = [
      ['204', 'GET /events\nlast-event-id: sse.final', {}, 204],
      ['406', 'GET /events\naccept: text/html', {}, 406],
      ['503', 'GET /events\naccept: */*', { maxSubscribers: 0 }, 503],
      ['a lone reconnection time', 'GET /events\naccept: text/event-stream', { maxSubscribers: 0 }, 200],
      ['a HEAD response', 'HEAD /events', {}, 200]
    ]
    for (const [title, request, options, status] of others) {
      t.test(`the connection ends after ${title}`, async (t) => {
        const { port } = await startQuiet(t, options)
        const reader = await (await RawReader.connect(t, port)).ask(`${request}\n${H2C}`).seesClose()
        t.equal(reader.answers[0]!.status, status)
        t.ok(reader.answers[0]!.complete)
      })
    }

    t.test('a reader that leaves before its stream opens never becomes a subscriber', async (t) => {
      const { entered, hook, release } = holding()
      const { app, port, opened, sockets } = await startQuiet(t, { headers: async () => { await hook(); return {} } })
      const reader = (await RawReader.connect(t, port)).ask(`GET /events\n${H2C}`)
      await entered
      reader.socket.destroy()
      await until(() => sockets[0]!.destroyed)
      release()
      await app.close()
      t.strictSame(opened, [])
    })
  })
}

t.test('without a listener for upgrades the connection serves further requests', async (t) => {
  const { port, opened } = await start(t)
  const reader = (await RawReader.connect(t, port)).ask(`GET /events\n${H2C}`)
  await reader.seesEvents('sse.open')
  opened[0]!.close()
  await reader.sees(({ answers }) => answers[0]!.complete)
  reader.ask('GET /events')
  await reader.sees(({ answers }) => answers.length === 2)
})
