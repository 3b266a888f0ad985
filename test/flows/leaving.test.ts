import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type CloseReason, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { gate, listen, parseEvents, RawReader, turn, until } from './raw-reader.ts'

const warnings: Error[] = []
process.on('warning', (warning) => warnings.push(warning))

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  /** Every subscriber whose stream opened. */
  readonly opened: Subscriber[]
  /** Every close, in order. */
  readonly closes: Array<{ subscriber: Subscriber, reason: CloseReason }>
  /** The server's side of every connection, in order. */
  readonly sockets: Socket[]
  /** Log lines at `error` and above. */
  readonly errors: unknown[]
}

interface Setup {
  readonly options?: Omit<SsePluginOptions, 'prefix'>
  /** Declares further routes. */
  readonly routes?: (app: FastifyInstance) => void
}

async function start (t: Test, { options = {}, routes = () => {} }: Setup = {}): Promise<Journey> {
  const errors: unknown[] = []
  const opened: Subscriber[] = []
  const closes: Array<{ subscriber: Subscriber, reason: CloseReason }> = []
  const app = Fastify({ logger: { level: 'error', stream: { write: (line: string) => { errors.push(JSON.parse(line)) } } } }) as FastifyInstance
  await app.register(ssePlugin, {
    onSubscribe: (subscriber) => { opened.push(subscriber) },
    onClose: (subscriber, reason) => { closes.push({ subscriber, reason }) },
    ...options
  })
  app.get('/plain', async () => 'plain')
  routes(app)
  const sockets: Socket[] = []
  app.server.on('connection', (socket) => { sockets.push(socket) })
  const port = await listen(t, app)
  return { app, port, opened, closes, sockets, errors }
}

async function openStream (t: Test, port: number): Promise<RawReader> {
  return (await RawReader.connect(t, port)).ask('GET /events').seesEvents('sse.open')
}

function whenClosed (socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once('close', resolve))
}

const waysToLeave: Array<[way: string, leave: (socket: Socket) => void]> = [
  ['closes (FIN)', (socket) => { socket.destroy() }],
  ['resets (RST)', (socket) => { socket.resetAndDestroy() }],
  ['half-closes', (socket) => { socket.end() }]
]

for (const [way, leave] of waysToLeave) {
  t.test(`a reader that ${way} settles \`closed\`, aborts \`signal\` and calls \`onClose\`, once each, with the reason \`reader\``, async (t) => {
    const { app, port, opened, closes, errors } = await start(t)
    const reader = await openStream(t, port)
    const [subscriber] = opened
    const told: unknown[] = []
    void subscriber!.closed.then((reason) => told.push(['closed', reason]))
    subscriber!.signal.addEventListener('abort', () => told.push(['signal', subscriber!.signal.reason]))
    t.equal(app.sse.count(), 1)
    leave(reader.socket as Socket)
    await until(() => app.sse.count() === 0)
    await reader.seesClose()
    await turn()
    t.strictSame(told, [['signal', 'reader'], ['closed', 'reader']])
    t.strictSame(closes, [{ subscriber, reason: 'reader' }])
    t.equal(app.sse.stats().closes.reader, 1)
    t.equal(await subscriber!.closed, 'reader')
    t.strictSame(errors, [])
  })

  t.test(`a reader that ${way} in the middle of a flood closes once and logs no error`, async (t) => {
    const { app, port, closes, errors } = await start(t)
    const reader = await openStream(t, port)
    reader.socket.pause()
    for (let n = 0; n < 50; n++) void app.sse.broadcast('message', 'x'.repeat(100_000))
    await turn()
    leave(reader.socket as Socket)
    for (let n = 0; n < 50; n++) {
      void app.sse.broadcast('message', 'x'.repeat(100_000))
      await turn()
    }
    reader.socket.resume()
    await until(() => app.sse.count() === 0)
    t.equal(closes.length, 1)
    t.strictSame(errors, [])
  })
}

t.test('a reader that half-closes while it does not read is written no more events, and closes without an error once it reads', async (t) => {
  const { app, port, sockets, errors } = await start(t, { options: { maxBacklogBytes: Infinity } })
  const reader = await openStream(t, port)
  reader.socket.pause()
  // More than any kernel buffers.
  while (sockets[0]!.writableLength < 100_000) {
    await app.sse.broadcast('message', 'x'.repeat(500_000))
    await turn()
  }
  const halfClosed = new Promise((resolve) => sockets[0]!.once('end', resolve))
  reader.socket.end()
  await halfClosed
  await app.sse.broadcast('message', 'after the end')
  await turn()
  t.notOk(sockets[0]!.errored)
  reader.socket.resume()
  await until(() => app.sse.count() === 0)
  t.strictSame(errors, [])
})

t.test('a reader that leaves', async (t) => {
  for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'onSend', 'the handler'] as const) {
    for (const method of ['GET', 'HEAD']) {
      for (const [way, leave] of waysToLeave) {
        t.test(`during ${hook} of ${method} (it ${way}) leaves no subscriber and no error behind`, async (t) => {
          const entered = gate()
          const left = gate()
          const results: Subscriber[] = []
          const wait = async (): Promise<void> => {
            entered.open()
            await left.passed
          }
          const { app, port, opened, closes, sockets, errors } = await start(t, {
            routes: (app) => {
              if (hook !== 'the handler') app.addHook(hook as 'preHandler', wait)
              app.get('/own', async (_request, reply) => {
                if (hook === 'the handler') await wait()
                results.push(await app.sse.subscribe(reply))
              })
            }
          })
          const reader = (await RawReader.connect(t, port)).ask(`${method} /own`)
          await entered.passed
          const closed = whenClosed(sockets[0]!)
          leave(reader.socket as Socket)
          await closed
          left.open()
          await until(() => results.length === 1)
          t.ok(results[0]!.signal.aborted)
          t.equal(await results[0]!.closed, hook === 'onSend' && method === 'HEAD' ? 'ended' : 'reader')
          await app.sse.broadcast('message', 'to nobody')
          await turn()
          t.strictSame([opened, closes, errors], [[], [], []])
          t.equal(app.sse.count(), 0)
          t.equal(app.sse.stats().closes.reader, 0)
          t.equal(app.sse.stats().bytes, 0)
        })
      }
    }
  }
})

t.test('pipelined:', async (t) => {
  t.test('streams are answered one after the other, each with every event broadcast since its request', async (t) => {
    const { app, port, opened, errors } = await start(t)
    const reader = (await RawReader.connect(t, port)).ask('GET /events', 'GET /events', 'GET /plain')
    await reader.seesEvents('sse.open')
    await until(() => app.sse.count() === 2)
    await app.sse.broadcast('message', 'a')
    await reader.seesEvents(undefined)
    t.equal(reader.answers.length, 1)
    opened[0]!.close()
    await reader.sees(({ answers }) => parseEvents(answers[1]?.body ?? '').length === 2)
    t.ok(reader.answers[0]!.complete)
    t.equal(app.sse.count(), 1)
    await app.sse.broadcast('message', 'b')
    await reader.sees(({ answers }) => parseEvents(answers[1]!.body).length === 3)
    t.strictSame(parseEvents(reader.answers[1]!.body).map(({ event, data }) => event ?? data), ['sse.open', 'a', 'b'])
    opened[1]!.close()
    await reader.sees(({ answers }) => answers[2]?.complete === true)
    t.strictSame(reader.answers.map(({ status }) => status), [200, 200, 200])
    t.equal(reader.answers[2]!.body, 'plain')
    t.equal(app.sse.count(), 0)
    t.strictSame(errors, [])
  })

  t.test('other requests before and after a stream are answered in order', async (t) => {
    const { app, port, opened } = await start(t)
    const reader = (await RawReader.connect(t, port)).ask('GET /plain', 'GET /events', 'GET /plain')
    await reader.sees(({ answers }) => parseEvents(answers[1]?.body ?? '').length === 1)
    await app.sse.broadcast('message', 'live')
    await reader.sees(({ answers }) => parseEvents(answers[1]!.body).length === 2)
    opened[0]!.close()
    await reader.sees(({ answers }) => answers[2]?.complete === true)
    t.strictSame(reader.answers.map(({ body }) => body.slice(0, 5)), ['plain', 'retry', 'plain'])
  })

  t.test('large events reach a waiting stream whole', async (t) => {
    const { app, port, opened } = await start(t)
    const reader = (await RawReader.connect(t, port)).ask('GET /plain', 'GET /events', 'GET /events')
    await until(() => app.sse.count() === 2)
    const large = 'x'.repeat(900_000)
    for (let n = 0; n < 5; n++) await app.sse.broadcast('message', large + n)
    opened[0]!.close()
    const eventsOfSecond = (): string[] => parseEvents(reader.answers[2]?.body ?? '').map(({ data }) => data)
    // Both streams are there: megabytes are parsed once, and not again for every packet.
    await reader.sees(({ packets }) => packets.reduce((sum, { length }) => sum + length, 0) > 10 * large.length)
    await reader.sees(() => eventsOfSecond().length === 6)
    t.strictSame(eventsOfSecond().slice(1), [0, 1, 2, 3, 4].map((n) => large + n))
  })

  for (const count of [2, 10, 17]) {
    for (const [way, leave] of waysToLeave) {
      t.test(`${count} streams whose reader ${way} end once each`, async (t) => {
        const { app, port, closes, errors } = await start(t)
        const reader = (await RawReader.connect(t, port)).ask(...Array.from({ length: count }, () => 'GET /events'))
        await until(() => app.sse.count() === count)
        await app.sse.broadcast('message', 'a')
        leave(reader.socket as Socket)
        await until(() => app.sse.count() === 0)
        await app.sse.broadcast('message', 'b')
        await turn()
        t.equal(closes.length, count)
        t.ok(closes.every(({ reason }) => reason === 'reader'))
        t.strictSame(errors, [])
      })
    }
  }

  for (const method of ['GET', 'HEAD']) {
    t.test(`${method} of an application route behind a stream settles when the connection is lost`, async (t) => {
      const results: Subscriber[] = []
      const { app, port, closes, errors } = await start(t, {
        routes: (app) => { app.get('/own', async (_request, reply) => { results.push(await app.sse.subscribe(reply)) }) }
      })
      const reader = (await RawReader.connect(t, port)).ask('GET /events', `${method} /own`)
      await until(() => app.sse.count() === (method === 'GET' ? 2 : 1))
      reader.socket.destroy()
      await until(() => results.length === 1 && app.sse.count() === 0)
      t.equal(closes.length, method === 'GET' ? 2 : 1)
      t.ok(results[0]!.signal.aborted)
      t.strictSame(errors, [])
    })
  }

  t.test('a stream whose hook is still running when the connection is lost leaves no subscriber and no error behind', async (t) => {
    const entered = gate()
    const left = gate()
    const results: Subscriber[] = []
    const { app, port, closes, sockets, errors } = await start(t, {
      routes: (app) => {
        app.get('/own', {
          onSend: async (_request, _reply, payload) => {
            entered.open()
            await left.passed
            return payload
          }
        }, async (_request, reply) => { results.push(await app.sse.subscribe(reply)) })
      }
    })
    const reader = (await RawReader.connect(t, port)).ask('GET /events', 'GET /own')
    await entered.passed
    const closed = whenClosed(sockets[0]!)
    reader.socket.destroy()
    await closed
    left.open()
    await until(() => results.length === 1)
    t.equal(await results[0]!.closed, 'reader')
    t.equal(app.sse.count(), 0)
    t.equal(closes.length, 1)
    t.strictSame(errors, [])
  })
})

t.test('`subscriber.close()`', async (t) => {
  t.test('ends the response cleanly twenty times on one connection and leaves no listener on it', async (t) => {
    const { app, port, opened, closes, sockets, errors } = await start(t)
    const reader = await RawReader.connect(t, port)
    const listeners = (): object => Object.fromEntries(sockets[0]!.eventNames().map((name) => [String(name), sockets[0]!.listenerCount(name)]))
    await reader.ask('GET /plain').sees(({ answers }) => answers[0]?.complete === true)
    await turn()
    const before = listeners()
    for (let round = 1; round <= 20; round++) {
      await reader.ask('GET /events').sees(({ answers }) => parseEvents(answers[round]?.body ?? '').length === 1)
      await app.sse.broadcast('message', `round ${round}`)
      opened.at(-1)!.close()
      opened.at(-1)!.close()
      await reader.sees(({ answers }) => answers[round]!.complete)
      t.equal(parseEvents(reader.answers[round]!.body).at(-1)!.data, `round ${round}`)
      t.equal(await opened.at(-1)!.closed, 'ended')
    }
    await reader.ask('GET /plain').sees(({ answers }) => answers[21]?.complete === true)
    await turn()
    t.strictSame(listeners(), before)
    t.equal(sockets.length, 1)
    t.equal(closes.length, 20)
    t.equal(app.sse.count(), 0)
    t.equal(app.sse.stats().closes.ended, 20)
    t.strictSame(errors, [])
  })

  t.test('also ends the connection of a reader that sent `connection: close`', async (t) => {
    const { port, opened } = await start(t)
    const reader = await RawReader.connect(t, port)
    await reader.ask('GET /events\nconnection: close').seesEvents('sse.open')
    opened[0]!.close()
    await reader.seesClose()
    t.ok(reader.answers[0]!.complete)
    t.equal(await opened[0]!.closed, 'ended')
  })

  t.test('is overtaken by a reader that leaves first: the reason is `reader`', async (t) => {
    const { port, app, opened, closes } = await start(t)
    const reader = await openStream(t, port)
    reader.socket.pause()
    for (let n = 0; n < 20; n++) await app.sse.broadcast('message', 'x'.repeat(1_000_000))
    opened[0]!.close()
    reader.socket.destroy()
    await until(() => app.sse.count() === 0)
    t.equal(closes.length, 1)
    t.equal(await opened[0]!.closed, 'reader')
  })
})

t.test('a stream whose socket fills and drains thirty times accumulates no listeners', async (t) => {
  const responses: ServerResponse[] = []
  const { app, port, sockets } = await start(t, {
    options: { maxBacklogBytes: 1000, route: { onRequest: async (_request, reply) => { responses.push(reply.raw) } } }
  })
  const reader = await openStream(t, port)
  // What follows is read and dropped.
  reader.socket.removeAllListeners('data')
  const listeners = (): number[] => [responses[0]!, sockets[0]!].flatMap((emitter) => emitter.eventNames().map((name) => emitter.listenerCount(name)))
  const before = listeners()
  for (let round = 1; round <= 30; round++) {
    reader.socket.pause()
    while (sockets[0]!.writableLength === 0) {
      await app.sse.broadcast('message', 'x'.repeat(500_000))
      await turn()
    }
    reader.socket.resume()
    await until(() => sockets[0]!.writableLength === 0)
  }
  t.strictSame(listeners(), before)
})

t.test('none of the tests above causes a warning of Node, such as one about accumulated listeners', async (t) => {
  t.strictSame(warnings, [])
})

for (const header of ['', '\ncontent-length: 0']) {
  t.test(`the request closes, and Fastify runs \`onRequestAbort\`, only when the reader leaves; header: "${header.trim()}"`, async (t) => {
    const heard: string[] = []
    const { app, port, closes } = await start(t, {
      routes: (app) => {
        app.addHook('onRequestAbort', async (_request) => { heard.push('abort') })
        app.get('/own', async (request, reply) => {
          request.raw.on('close', () => heard.push('close'))
          await app.sse.subscribe(reply)
        })
      }
    })
    const reader = (await RawReader.connect(t, port)).ask(`GET /own${header}`)
    await reader.seesEvents('sse.open')
    await app.sse.broadcast('message', 'x')
    await reader.seesEvents(undefined)
    t.strictSame(heard, [])
    reader.socket.destroy()
    await until(() => closes.length === 1 && heard.length === 2)
    t.strictSame(heard.sort(), ['abort', 'close'])
  })
}
