import { once } from 'node:events'
import type { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import { Type } from '@sinclair/typebox'
import { EventSource } from 'eventsource'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { defineEvents, type SsePluginOptions, type Subscriber } from '../../plugin.ts'
import { listen, RawReader, until, type RawAnswer } from '../flows/raw-reader.ts'

const events = defineEvents({
  message: Type.String(),
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number() })
})

interface LogLine { readonly level: number, readonly msg: string, readonly err?: { readonly code?: string } }

/**
 * Creates an application with the plugin.
 *
 * @param before Runs before the plugin is registered.
 * @param logged Gets the log lines at `warn` and above.
 */
async function createApp (options: Omit<SsePluginOptions, 'prefix'> = {}, before: (app: FastifyInstance) => unknown = () => {}, logged: LogLine[] = []) {
  const app = Fastify({
    logger: { level: 'warn', stream: { write: (line: string) => { logged.push(JSON.parse(line)) } } },
    // `fetch`, which EventSource uses, opens spare connections, and a closing server waits for those.
    forceCloseConnections: true
  }) as FastifyInstance
  await before(app)
  await app.register(ssePlugin, { events, ...options })
  return app
}

/** Sends one request and waits for the complete response. */
async function ask (t: Test, app: FastifyInstance, request: string): Promise<RawAnswer> {
  return askAt(t, await listen(t, app), request)
}

/** Sends one request to a port and waits for the complete response. */
async function askAt (t: Test, port: number, request: string): Promise<RawAnswer> {
  const reader = await RawReader.connect(t, port)
  const { answers: [answer] } = await reader.ask(request).sees(({ answers }) => answers[0]?.complete === true)
  return answer!
}

/** Opens the stream and waits for its first event. */
async function openStream (t: Test, app: FastifyInstance, request = 'GET /events'): Promise<RawReader> {
  const reader = await RawReader.connect(t, await listen(t, app))
  return reader.ask(request).seesEvents('sse.open')
}

t.test('the head of a stream', async (t) => {
  t.test('has the headers of an event stream and no length', async (t) => {
    const { answers: [answer] } = await openStream(t, await createApp())
    t.equal(answer!.status, 200)
    t.strictSame(answer!.headers['content-type'], ['text/event-stream; charset=utf-8'])
    t.strictSame(answer!.headers['cache-control'], ['no-cache, no-transform'])
    t.strictSame(answer!.headers['x-accel-buffering'], ['no'])
    t.strictSame(answer!.headers['transfer-encoding'], ['chunked'])
    t.notOk(answer!.headers['content-length'])
    t.notOk(answer!.headers['content-encoding'])
  })

  t.test('has no length and no coding even if a hook has set them', async (t) => {
    const app = await createApp({}, (app) => {
      app.addHook('onRequest', async (_request, reply) => { reply.headers({ 'content-length': 5, 'content-encoding': 'gzip' }) })
    })
    const { answers: [answer] } = await openStream(t, app)
    t.equal(answer!.status, 200)
    t.notOk(answer!.headers['content-length'])
    t.notOk(answer!.headers['content-encoding'])
  })

  t.test('is sent in one write with `retry` and then `sse.open`, whose id is the start position', async (t) => {
    const app = await createApp({ reconnectionTime: { min: 1234, max: 1240 } })
    const { id } = await app.sse.broadcast('message', 'before')
    const writes: string[] = []
    app.server.on('connection', (socket: Socket) => {
      for (const way of ['_write', '_writev'] as const) {
        const write = socket[way]!.bind(socket) as (...args: unknown[]) => void
        socket[way] = (...args: unknown[]) => {
          writes.push(way)
          write(...args)
        }
      }
    })
    const reader = await openStream(t, app)
    t.strictSame(writes, ['_writev'])
    t.equal(reader.packets.length, 1)
    t.match(reader.answers[0]!.body, /^retry: 12(3[4-9]|40)\nid: \S+\nevent: sse\.open\ndata: \{"heartbeatInterval":15000,"heartbeatEvent":true,"text":\["message"\]\}\n\n$/)
    t.strictSame(reader.events, [{ id, event: 'sse.open', data: '{"heartbeatInterval":15000,"heartbeatEvent":true,"text":["message"]}' }])
  })

  t.test('holds the headers from `headers`, which is called for each request', async (t) => {
    const app = await createApp({ headers: (request) => ({ 'x-path': request.url, 'x-number': 3, 'x-list': ['a', 'b'], 'Cache-Control': 'no-store' }) })
    const { answers: [answer] } = await openStream(t, app, 'GET /events?a=1')
    t.strictSame(answer!.headers['x-path'], ['/events?a=1'])
    t.strictSame(answer!.headers['x-number'], ['3'])
    t.strictSame(answer!.headers['x-list'], ['a', 'b'])
    t.strictSame(answer!.headers['cache-control'], ['no-store'])
  })

  for (const type of ['text/event-stream', 'text/event-stream;charset=UTF-8', 'Text/Event-Stream; charset="utf-8"']) {
    t.test(`has the content type ${type} if \`headers\` returns it`, async (t) => {
      const { answers: [answer] } = await openStream(t, await createApp({ headers: () => ({ 'Content-Type': type }) }))
      t.strictSame(answer!.headers['content-type'], [type])
    })
  }

  const refused: Array<[title: string, headers: Record<string, unknown>]> = [
    ['another content type', { 'Content-Type': 'text/plain' }],
    ['another charset', { 'content-type': 'text/event-stream; charset=iso-8859-1' }],
    ['an unknown parameter of the content type', { 'content-type': 'text/event-stream; charset=utf-8; boundary=x' }],
    ['two content types', { 'content-type': ['text/event-stream', 'text/event-stream'] }],
    ['an array as a content type', { 'content-type': ['text/event-stream'] }],
    ['a content length', { 'content-length': 1 }],
    ['a content coding', { 'content-encoding': 'gzip' }],
    ['a transfer coding', { 'transfer-encoding': 'chunked' }],
    ['a header of the connection', { connection: 'close' }],
    ['a header that HTTP/2 forbids', { 'keep-alive': 'timeout=5' }],
    ['a trailer', { trailer: 'x-sum' }],
    ['a name with a blank', { 'x y': '1' }],
    ['an empty name', { '': '1' }],
    ['a value with line ends', { 'x-a': 'b\r\nx-c: d' }],
    ['a value outside Latin-1', { 'x-a': '\u20ac' }],
    ['a value outside Latin-1 in an array', { 'x-a': ['b', '\u20ac'] }],
    ['undefined as a value', { 'x-a': undefined }],
    ['an object as a value', { 'x-a': {} }]
  ]
  let returned: Record<string, unknown>
  const returning = await createApp({ headers: () => returned as never })
  const port = await listen(t, returning)
  for (const [title, headers] of refused) {
    t.test(`gives way to a JSON response with a code if \`headers\` returns ${title}`, async (t) => {
      returned = headers
      const answer = await askAt(t, port, 'GET /events')
      t.equal(answer.status, 500)
      t.equal(JSON.parse(answer.body).code, 'FST_SSE_HEADER_INVALID')
      // A name that HTTP does not allow may hold anything, so that the message leaves it out.
      const [name] = Object.keys(headers)
      t.equal(answer.body.includes(` ${name}: `), /^[\w-]+$/.test(name!), 'names the header')
      t.match(answer.headers['content-type']?.[0], 'application/json')
      t.notOk(answer.headers['x-accel-buffering'])
      t.equal(returning.sse.count(), 0)
    })
  }

  t.test('is not sent if `headers` throws', async (t) => {
    const app = await createApp({ headers: () => { throw Object.assign(new Error('no such user'), { statusCode: 403 }) } })
    const answer = await ask(t, app, 'GET /events')
    t.equal(answer.status, 403)
    t.match(answer.headers['content-type']?.[0], 'application/json')
  })
})

t.test('live events', async (t) => {
  t.test('reach an independent parser, unnamed and named, in order and with their ids', async (t) => {
    const app = await createApp()
    const sse = app.sse.of(events)
    const reader = await openStream(t, app)
    const first = await sse.broadcast('message', 'send data: 2026-01-31 20:34:05\nline two \u{1f600}')
    const second = await sse.broadcast('order.updated', { id: 'o-1', total: 9.5 })
    await reader.seesEvents('order.updated')
    t.strictSame(reader.events.slice(1), [
      { id: first.id, event: undefined, data: 'send data: 2026-01-31 20:34:05\nline two \u{1f600}' },
      { id: second.id, event: 'order.updated', data: '{"id":"o-1","total":9.5}' }
    ])
  })

  t.test('reach an independent client through `onmessage` and by name, with the last event ID', async (t) => {
    const app = await createApp()
    const sse = app.sse.of(events)
    const port = await listen(t, app)
    const source = new EventSource(`http://127.0.0.1:${port}/events`)
    t.after(() => source.close())
    const [open] = await once(source, 'sse.open') as [MessageEvent]
    t.equal(open.lastEventId, sse.lastEventId)
    const unnamed = once(source, 'message')
    const named = once(source, 'order.updated')
    const { id } = await sse.broadcast('message', 'hello')
    await sse.broadcast('order.updated', { id: 'o-2', total: 1 })
    const [[message], [order]] = await Promise.all([unnamed, named]) as [[MessageEvent], [MessageEvent]]
    t.equal(message.data, 'hello')
    t.equal(message.lastEventId, id)
    t.strictSame(JSON.parse(order.data), { id: 'o-2', total: 1 })
  })

  t.test('that an independent client missed arrive when it reconnects, once and in order', async (t) => {
    const app = await createApp({ reconnectionTime: 0 })
    const sse = app.sse.of(events)
    const port = await listen(t, app)
    const source = new EventSource(`http://127.0.0.1:${port}/events`)
    t.after(() => source.close())
    const data: string[] = []
    source.addEventListener('message', (event) => { data.push(event.data) })
    await once(source, 'sse.open')
    await sse.broadcast('message', '1')
    await until(() => data.length === 1)
    app.server.closeAllConnections()
    await until(() => app.sse.count() === 0)
    void sse.broadcast('message', '2')
    void sse.broadcast('message', '3')
    await once(source, 'sse.open')
    void sse.broadcast('message', '4')
    await until(() => data.length >= 4)
    t.strictSame(data, ['1', '2', '3', '4'])
  })
})

t.test('hooks', async (t) => {
  t.test('of the application and the route run first, in Fastify\'s order, and all their headers arrive', async (t) => {
    const order: string[] = []
    const app = await createApp({
      route: {
        preHandler: async (_request, reply) => {
          order.push('route preHandler')
          reply.header('x-route', '1').setCookie('route', '2')
        },
        onSend: async (_request, reply, payload) => {
          order.push('route onSend')
          reply.header('x-route-sent', '1')
          return payload
        }
      },
      onSubscribe: () => { order.push('onSubscribe') }
    }, async (app) => {
      await app.register(helmet)
      await app.register(cookie)
      app.addHook('onRequest', async (_request, reply) => {
        order.push('onRequest')
        reply.header('x-request', '1')
      })
      app.addHook('onSend', async (_request, reply) => {
        order.push('onSend')
        reply.header('x-sent', '1').setCookie('sent', '3')
      })
    })
    const { answers: [answer] } = await openStream(t, app)
    t.strictSame(order, ['onRequest', 'route preHandler', 'onSend', 'route onSend', 'onSubscribe'])
    for (const name of ['x-request', 'x-route', 'x-route-sent', 'x-sent']) t.strictSame(answer!.headers[name], ['1'], name)
    t.strictSame(answer!.headers['set-cookie'], ['route=2; SameSite=Lax', 'sent=3; SameSite=Lax'])
    t.ok(answer!.headers['content-security-policy'])
    t.strictSame(answer!.headers['x-content-type-options'], ['nosniff'])
  })

  t.test('that refuse a request answer with their own 401, and nothing is counted', async (t) => {
    const subscribed: unknown[] = []
    const app = await createApp({
      route: { preHandler: async (_request, reply) => reply.code(401).send({ error: 'who are you?' }) },
      onSubscribe: (subscriber) => { subscribed.push(subscriber) }
    })
    const answer = await ask(t, app, 'GET /events')
    t.equal(answer.status, 401)
    t.match(answer.headers['content-type']?.[0], 'application/json')
    t.strictSame(JSON.parse(answer.body), { error: 'who are you?' })
    t.notOk(answer.headers['x-accel-buffering'])
    t.equal(app.sse.count(), 0)
    t.strictSame(subscribed, [])
    t.equal(app.sse.stats().closes.reader, 0)
  })

  t.test('a request that does not match the schema of the route gets 400', async (t) => {
    const app = await createApp({ route: { schema: { querystring: Type.Object({ room: Type.String() }) } } })
    const answer = await ask(t, app, 'GET /events')
    t.equal(answer.status, 400)
    t.equal(app.sse.count(), 0)
  })
})

t.test('the Accept header', async (t) => {
  const table: Array<[accept: string, status: number]> = [
    ['', 200],
    ['text/event-stream', 200],
    ['TEXT/Event-Stream', 200],
    ['text/event-stream; charset=utf-8', 200],
    ['text/event-stream;q=0.1', 200],
    ['text/html, text/event-stream', 200],
    ['text/*', 200],
    ['*/*', 200],
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', 200],
    ['text/html', 406],
    ['application/json, text/plain', 406],
    ['image/*', 406],
    ['text/event-stream;q=0', 406],
    ['text/event-stream;q=0.0, */*', 406],
    ['text/*;q=0, */*', 406]
  ]
  const app = await createApp()
  const port = await listen(t, app)
  for (const [accept, status] of table) {
    t.test(`${JSON.stringify(accept)} gets ${status}`, async (t) => {
      const reader = await RawReader.connect(t, port)
      await reader.ask(`GET /events\naccept: ${accept}`).sees(({ answers }) => (answers[0]?.body.length ?? 0) > 0)
      const [answer] = reader.answers
      t.equal(answer!.status, status)
      if (status === 406) {
        t.equal(JSON.parse(answer!.body).code, 'FST_SSE_NOT_ACCEPTABLE')
        t.notMatch(answer!.headers['content-type']?.[0], 'event-stream')
      }
    })
  }
  t.test('absent gets 200', async (t) => {
    const reader = await RawReader.connect(t, port)
    t.equal((await reader.ask('GET /events').seesEvents('sse.open')).answers[0]!.status, 200)
  })
})

t.test('HEAD', async (t) => {
  const table: Array<[title: string, url: string]> = [
    ['of the stream route', '/events'],
    ['of an application route, to which Fastify adds HEAD', '/own'],
    ['of an application route whose handler returns the subscriber', '/returned']
  ]
  for (const [title, url] of table) {
    t.test(`${title} gets the head of GET immediately and leaves no subscriber`, async (t) => {
      const subscribers: Subscriber[] = []
      const logged: LogLine[] = []
      const app = await createApp({ headers: () => ({ 'x-ours': '1' }) }, (app) => {
        app.addHook('onSend', async (_request, reply) => { reply.header('x-sent', '1') })
      }, logged)
      app.get('/own', async (_request, reply) => { subscribers.push(await app.sse.subscribe(reply)) })
      app.get('/returned', (_request, reply) => app.sse.subscribe(reply))
      const port = await listen(t, app)
      const reader = await RawReader.connect(t, port)
      await reader.ask(`HEAD ${url}`).sees(({ answers }) => answers.length === 1)
      const head = reader.answers[0]!
      t.equal(app.sse.count(), 0)
      for (const subscriber of subscribers) t.equal(await subscriber.closed, 'ended')
      const { answers: [got] } = await (await RawReader.connect(t, port)).ask(`GET ${url}`).seesEvents('sse.open')
      t.equal(head.status, 200)
      const { 'transfer-encoding': _chunked, date: _date, ...ofGet } = got!.headers
      const { date: _, ...ofHead } = head.headers
      t.strictSame(ofHead, ofGet)
      t.equal(app.sse.count(), 1)
      await reader.ask(`HEAD ${url}`).sees(({ answers }) => answers.length === 2)
      t.equal(app.sse.stats().closes.ended, 0)
      t.strictSame(logged, [])
    })
  }

  t.test('is refused for its `Accept` like GET', async (t) => {
    const answer = await ask(t, await createApp(), 'HEAD /events\naccept: text/html')
    t.equal(answer.status, 406)
  })
})

t.test('another method', async (t) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    t.test(`${method} finds no stream`, async (t) => {
      const app = await createApp()
      const answer = await ask(t, app, `${method} /events\ncontent-length: 0`)
      t.ok([404, 405].includes(answer.status), `status ${answer.status}`)
      t.equal(app.sse.count(), 0)
    })
  }
})

t.test('the option `subscribe`', async (t) => {
  t.test('sets start position and context for each request, may be asynchronous, and runs after the hooks', async (t) => {
    const order: string[] = []
    const contexts: unknown[] = []
    const app = await createApp({
      route: { preHandler: async () => { order.push('preHandler') } },
      subscribe: async (request) => {
        order.push('subscribe')
        return { from: 'oldest', context: { url: request.url } }
      },
      onSubscribe: (subscriber, request) => { contexts.push(subscriber.context, request.url) }
    })
    const { id } = await app.sse.broadcast('message', 'kept')
    const reader = await openStream(t, app, 'GET /events?who=me')
    await reader.seesEvents(undefined)
    t.strictSame(order, ['preHandler', 'subscribe'])
    t.strictSame(contexts, [{ url: '/events?who=me' }, '/events?who=me'])
    t.equal(reader.events[1]?.id, id)
  })

  t.test('that throws determines the status of the response', async (t) => {
    const app = await createApp({ subscribe: async () => { throw Object.assign(new Error('no seat'), { statusCode: 403 }) } })
    const answer = await ask(t, app, 'GET /events')
    t.equal(answer.status, 403)
    t.match(answer.headers['content-type']?.[0], 'application/json')
    t.equal(app.sse.count(), 0)
  })
})

t.test('a last event ID', async (t) => {
  const places: Array<[title: string, request: (id: string) => string]> = [
    ['the header', (id) => `GET /events\nlast-event-id: ${id}`],
    ['the query', (id) => `GET /events?lastEventId=${encodeURIComponent(id)}`],
    ['the header, while the query holds another one', (id) => `GET /events?lastEventId=nonsense\nlast-event-id: ${id}`],
    ['the query, while the header is empty', (id) => `GET /events?lastEventId=${encodeURIComponent(id)}\nlast-event-id:`],
    ['a query that the route\'s schema strips', (id) => `GET /stripped?lastEventId=${encodeURIComponent(id)}`]
  ]
  const app = await createApp()
  app.get('/stripped', { schema: { querystring: Type.Object({}, { additionalProperties: false }) } }, async (_request, reply) => {
    await app.sse.subscribe(reply)
  })
  const port = await listen(t, app)
  const sse = app.sse.of(events)
  await sse.broadcast('message', '1')
  const { id: last } = await sse.broadcast('message', '2')
  await sse.broadcast('message', '3')
  await sse.broadcast('message', '4')
  for (const [title, request] of places) {
    t.test(`in ${title} replays exactly the later events`, async (t) => {
      const reader = await (await RawReader.connect(t, port)).ask(request(last!)).seesEvents(undefined, 2)
      t.equal(reader.events[0]?.id, last)
      t.strictSame(reader.events.slice(1).map(({ data }) => data), ['3', '4'])
    })
  }

  for (const id of ['nonsense', '\u20ac'.repeat(50), 'a'.repeat(8000), 'head', 'oldest', '0.0']) {
    t.test(`${JSON.stringify(id.slice(0, 20))} of ${id.length} characters causes a gap, not an error`, async (t) => {
      const reader = await RawReader.connect(t, port)
      await reader.ask(`GET /events?lastEventId=${encodeURIComponent(id)}`).seesEvents(undefined, 4)
      t.strictSame(reader.events.map(({ event }) => event), ['sse.open', 'sse.gap', undefined, undefined, undefined, undefined])
      t.notOk(reader.events[0]?.id)
    })
  }
})

t.test('an application route', async (t) => {
  t.test('becomes a stream after its hooks, with the headers set before, and without CORS headers', async (t) => {
    const app = await createApp()
    app.get('/own', { preHandler: async (_request, reply) => { reply.header('x-own', '1') } }, async (_request, reply) => {
      const subscriber = await app.sse.subscribe(reply, { context: { own: true } as object })
      t.strictSame(subscriber.context, { own: true })
    })
    const reader = await openStream(t, app, 'GET /own\norigin: https://elsewhere.test')
    t.strictSame(reader.answers[0]!.headers['x-own'], ['1'])
    t.notOk(reader.answers[0]!.headers['access-control-allow-origin'])
    t.equal(app.sse.count(), 1)
    await app.sse.broadcast('message', 'here too')
    await reader.seesEvents(undefined)
  })

  t.test('for POST becomes a stream once its body is read', async (t) => {
    const app = await createApp()
    const bodies: unknown[] = []
    app.post('/own', async (request, reply) => {
      bodies.push(request.body)
      await app.sse.subscribe(reply)
    })
    const reader = await RawReader.connect(t, await listen(t, app))
    reader.socket.write('POST /own HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}')
    await reader.seesEvents('sse.open')
    t.strictSame(bodies, [{ a: 1 }])
    await app.sse.broadcast('message', 'x')
    await reader.seesEvents(undefined)
    reader.socket.destroy()
    await until(() => app.sse.count() === 0)
  })

  t.test('can catch the 406 of `subscribe` and send another response', async (t) => {
    const app = await createApp()
    app.get('/own', async (_request, reply) => {
      await t.rejects(app.sse.subscribe(reply), { code: 'FST_SSE_NOT_ACCEPTABLE', statusCode: 406 })
      return { plain: true }
    })
    const answer = await ask(t, app, 'GET /own\naccept: application/json')
    t.equal(answer.status, 200)
    t.strictSame(JSON.parse(answer.body), { plain: true })
    t.match(answer.headers['content-type']?.[0], 'application/json')
  })

  const sent: Array<[title: string, send: (reply: FastifyReply) => void]> = [
    ['was sent', (reply) => { void reply.send('done') }],
    ['was hijacked', (reply) => { reply.hijack().raw.end('done') }]
  ]
  for (const [[title, send], request] of sent.flatMap((one) => [[one, 'GET /own'], [one, 'GET /own\nlast-event-id: sse.final']] as const)) {
    t.test(`gets FST_SSE_REPLY_SENT if its reply ${title}, ${JSON.stringify(request)}`, async (t) => {
      const app = await createApp()
      app.get('/own', async (_request, reply) => {
        send(reply)
        await t.rejects(app.sse.subscribe(reply), { code: 'FST_SSE_REPLY_SENT' })
      })
      const answer = await ask(t, app, request)
      t.equal(answer.body, 'done')
      t.equal(app.sse.count(), 0)
    })
  }

  t.test('gets FST_SSE_REPLY_SENT for a second subscription of one reply, and the first one goes on', async (t) => {
    const app = await createApp()
    app.get('/own', async (_request, reply) => {
      const first = app.sse.subscribe(reply)
      await t.rejects(app.sse.subscribe(reply), { code: 'FST_SSE_REPLY_SENT' })
      await first
    })
    await openStream(t, app, 'GET /own')
    t.equal(app.sse.count(), 1)
  })
})

t.test('@fastify/compress registered for all routes does not code the stream', async (t) => {
  const app = await createApp({}, (app) => app.register(compress, { threshold: 0 }))
  app.get('/plain', async () => 'x'.repeat(10_000))
  const reader = await openStream(t, app, 'GET /events\naccept-encoding: gzip, deflate, br')
  t.notOk(reader.answers[0]!.headers['content-encoding'])
  await app.sse.broadcast('message', 'plain text')
  await reader.seesEvents(undefined)
  const plain = await app.inject({ url: '/plain', headers: { 'accept-encoding': 'gzip' } })
  t.equal(plain.headers['content-encoding'], 'gzip')
})

for (const [when, hook] of [['early', 'onRequest'], ['as late as possible', 'onSend']] as const) {
  t.test(`a reply with a trailer, set ${when}, is refused with the name of the trailer`, async (t) => {
    const logged: LogLine[] = []
    const app = await createApp({}, (app) => {
      app.addHook(hook as 'onRequest', async (_request, reply) => {
        if (hook === 'onRequest' || String(reply.getHeader('content-type')).startsWith('text/event-stream')) reply.trailer('x-sum', async () => 'ab')
      })
    }, logged)
    const answer = await fetch(`http://127.0.0.1:${await listen(t, app)}/events`)
    t.equal(answer.status, 500)
    t.match(await answer.json(), { code: 'FST_SSE_TRAILERS_SET', message: /x-sum/ })
    t.equal(logged.filter(({ err }) => err !== undefined).length, 1, 'logged once')
    t.equal(app.sse.count(), 0)
  })
}

t.test('a status other than 200 is refused with a 500', async (t) => {
  const isStream = (reply: FastifyReply): boolean => String(reply.getHeader('content-type')).startsWith('text/event-stream')
  const setting: Array<[title: string, status: number, hook: 'preHandler' | 'onSend', set: (reply: FastifyReply) => unknown]> = [
    ['201 before `subscribe`', 201, 'preHandler', (reply) => reply.code(201)],
    ['404 before `subscribe`', 404, 'preHandler', (reply) => reply.code(404)],
    ['201 set on the raw response', 201, 'preHandler', (reply) => { reply.raw.statusCode = 201 }],
    ['201 by an onSend hook, for the stream alone', 201, 'onSend', (reply) => isStream(reply) && reply.code(201)],
    ['201 by an onSend hook, for every response', 201, 'onSend', (reply) => reply.code(201)],
    ['503 by an onSend hook, for the stream alone', 503, 'onSend', (reply) => isStream(reply) && reply.code(503)]
  ]
  for (const [title, status, hook, set] of setting) {
    t.test(title, async (t) => {
      const logged: LogLine[] = []
      const app = await createApp({}, (app) => { app.addHook(hook as 'preHandler', async (_request, reply) => { set(reply) }) }, logged)
      const answer = await fetch(`http://127.0.0.1:${await listen(t, app)}/events`)
      t.equal(answer.status, 500)
      t.match(await answer.json(), { code: 'FST_SSE_STATUS_SET', message: `An event stream has the status 200; this reply has ${status}` })
      t.equal(logged.filter(({ err }) => err !== undefined).length, 1, 'logged once')
      t.equal(app.sse.count(), 0)
    })
  }

  t.test('set by a handler that has not awaited `subscribe` yet', async (t) => {
    for (const method of ['GET', 'HEAD']) {
      const app = await createApp({ path: false })
      app.get('/own', async (_request, reply) => {
        const subscribed = app.sse.subscribe(reply)
        reply.code(201)
        await subscribed
      })
      t.equal((await ask(t, app, `${method} /own`)).status, 500, method)
    }
  })

  t.test('even if another error comes first, which is not sent with that status either', async (t) => {
    const route = { preHandler: async (_request: unknown, reply: FastifyReply) => { reply.code(201) } }
    const failing = await createApp({ subscribe: () => { throw new Error('mine') }, route })
    t.match(await ask(t, failing, 'GET /events'), { status: 500, body: /FST_SSE_STATUS_SET/ })
    for (const request of ['GET /events\naccept: text/html', 'HEAD /events', 'GET /events?lastEventId=sse.final']) {
      t.equal((await ask(t, await createApp({ route }), request)).status, 500, request)
    }
  })

  t.test('and an error handler of the application gets a reply without that status', async (t) => {
    const found: number[] = []
    const app = await createApp({ route: { preHandler: async (_request, reply) => { reply.code(201) } } }, (app) => {
      app.setErrorHandler((error, _request, reply) => {
        found.push(reply.statusCode)
        return reply.code((error as Error & { statusCode: number }).statusCode).send('mine')
      })
    })
    t.match(await ask(t, app, 'GET /events'), { status: 500, body: 'mine' })
    t.strictSame(found, [200])
  })

  t.test('but an explicit 200 is accepted', async (t) => {
    for (const hook of ['preHandler', 'onSend'] as const) {
      const app = await createApp({}, (app) => { app.addHook(hook as 'preHandler', async (_request, reply) => { reply.code(200) }) })
      await openStream(t, app)
    }
  })
})

t.test('an onSend hook that', async (t) => {
  type OnSend = (payload: unknown, reply: FastifyReply) => unknown
  const replacing: Array<[title: string, status: number, onSend: OnSend]> = [
    ['pipes the stream through another', 500, (payload) => (payload as Readable).pipe(new PassThrough())],
    ['reads the stream chunk by chunk', 500, (payload) => Readable.from(async function * () { yield * payload as Readable }())],
    ['listens for its data', 500, (payload) => {
      const copy = new PassThrough();
      (payload as Readable).on('data', (chunk) => copy.write(chunk)).on('end', () => copy.end()).on('error', (error) => copy.destroy(error))
      return copy
    }],
    ['answers with text', 200, () => 'not a stream'],
    ['answers with nothing', 200, () => null],
    ['answers 204', 204, (payload, reply) => {
      reply.code(204)
      return payload
    }]
  ]
  for (const [title, status, onSend] of replacing) {
    t.test(`${title} causes FST_SSE_REPLY_REPLACED, and the request ends`, async (t) => {
      const rejections: unknown[] = []
      const logged: LogLine[] = []
      const app = await createApp({ path: false }, (app) => {
        app.addHook('onSend', async (_request, reply, payload) => {
          return payload instanceof Readable ? onSend(payload, reply) : payload
        })
      }, logged)
      app.get('/own', async (_request, reply) => {
        try {
          await app.sse.subscribe(reply)
        } catch (error) {
          rejections.push(error)
          throw error
        }
      })
      const answer = await ask(t, app, 'GET /own')
      await until(() => rejections.length > 0)
      t.match(rejections, [{ code: 'FST_SSE_REPLY_REPLACED' }])
      t.equal(answer.status, status)
      if (status === 500) {
        t.equal(JSON.parse(answer.body).code, 'FST_SSE_REPLY_REPLACED')
        t.match(answer.headers['content-type']?.[0], 'application/json')
      }
      t.equal(app.sse.count(), 0)
      t.ok(logged.some(({ err }) => err?.code === 'FST_SSE_REPLY_REPLACED'), 'logged')
    })
  }

  t.test('throws determines the response, and no subscriber is counted', async (t) => {
    let settled = false
    const app = await createApp({ path: false }, (app) => {
      app.addHook('onSend', async (_request, _reply, payload) => {
        if (payload instanceof Readable) throw Object.assign(new Error('no'), { statusCode: 401 })
        return payload
      })
    })
    app.get('/own', async (_request, reply) => {
      await app.sse.subscribe(reply).catch(() => {})
      settled = true
    })
    const answer = await ask(t, app, 'GET /own')
    t.equal(answer.status, 401)
    t.match(answer.headers['content-type']?.[0], 'application/json')
    await until(() => settled)
    t.equal(app.sse.count(), 0)
  })
})
