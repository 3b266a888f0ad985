import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify, { type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type Subscriber } from '../../plugin.ts'
import { holding, openStream as openAny, start, type Journey } from './journey.ts'
import { gate, listen, RawReader, turn, until, type RawAnswer } from './raw-reader.ts'

const BROWSER = 'GET /events\naccept: text/event-stream'

const openStream = (t: Test, port: number, request = BROWSER): Promise<RawReader> => openAny(t, port, request)

async function answerTo (t: Test, port: number, request = BROWSER): Promise<RawAnswer> {
  const reader = await RawReader.connect(t, port)
  await reader.ask(request).sees(({ answers }) => answers[0]?.complete === true)
  return reader.answers[0]!
}

t.test('a browser beyond `maxSubscribers` gets a stream that holds only a `retry`', async (t) => {
  const { app, port, closes, opened, errors } = await start(t, { maxSubscribers: 2, reconnectionTime: { min: 2000, max: 3000 }, headers: () => ({ 'x-ours': '1' }) })
  const [first] = [await openStream(t, port), await openStream(t, port)]
  const reader = await RawReader.connect(t, port)
  reader.ask(BROWSER, `${BROWSER}\norigin: https://shop.example`)
  await reader.sees(({ answers }) => answers[1]?.complete === true)
  const [answer, second] = reader.answers
  t.equal(answer!.status, 200)
  t.match(answer!.body, /^retry: 2\d\d\d\n$/)
  t.not(answer!.body, second!.body, 'each reader gets another reconnection time')
  t.match(answer!.headers, { 'content-type': ['text/event-stream; charset=utf-8'], 'x-accel-buffering': ['no'], 'x-ours': ['1'] })
  t.strictSame(second!.headers['access-control-allow-origin'], ['*'], 'the response has CORS headers')
  t.equal(app.sse.count(), 2)
  t.equal(opened.length, 2)
  t.equal(app.sse.stats().closes.overload, 2)
  first!.socket.destroy()
  await until(() => closes.length === 1)
  reader.ask(BROWSER)
  await reader.sees(({ answers }) => answers[2]?.body.includes('sse.open') === true)
  t.strictSame(errors, [])
})

t.test('a request beyond `maxSubscribers` that does not name `text/event-stream` in `Accept` gets 503', async (t) => {
  const { port } = await start(t, { maxSubscribers: 0 })
  for (const header of ['', '\naccept: */*', '\naccept: text/*']) {
    t.equal((await answerTo(t, port, `GET /events${header}`)).status, 503, header)
  }
  t.equal((await answerTo(t, port, 'GET /events\naccept: text/html, text/event-stream;q=0.5')).status, 200)
})

t.test('with `overload: \'reject\'` a browser gets 503 with `Retry-After` in seconds', async (t) => {
  const { app, port } = await start(t, { maxSubscribers: 0, overload: 'reject', reconnectionTime: { min: 4001, max: 5000 } })
  const answer = await answerTo(t, port, `${BROWSER}\norigin: https://shop.example`)
  t.equal(answer.status, 503)
  t.match(answer.headers, { 'retry-after': ['5'], 'content-type': [/^application\/json/], 'access-control-allow-origin': ['*'] })
  t.equal(JSON.parse(answer.body).code, 'FST_SSE_OVERLOADED')
  t.equal(app.sse.stats().closes.overload, 1)
})

t.test('an error handler of the application formats the 503', async (t) => {
  const { port, errors } = await start(t, { maxSubscribers: 0, overload: 'reject' }, {
    prepare: (app) => {
      app.setErrorHandler(async (error, _request, reply) => reply.send({ problem: (error as { code?: string }).code }))
    }
  })
  const answer = await answerTo(t, port)
  t.strictSame([answer.status, JSON.parse(answer.body)], [503, { problem: 'FST_SSE_OVERLOADED' }])
  t.strictSame(errors, [])
})

t.test('HEAD gets the status of a GET and takes no place', async (t) => {
  for (const [overload, status] of [['retry', 200], ['reject', 503]] as const) {
    const { app, port } = await start(t, { maxSubscribers: 1, overload })
    const head = 'HEAD /events\naccept: text/event-stream'
    t.equal((await answerTo(t, port, head)).status, 200, 'HEAD took no place before')
    await openStream(t, port)
    t.equal((await answerTo(t, port, head)).status, status)
    t.equal(app.sse.count(), 1)
  }
})

t.test('`subscribe` resolves with a closed subscriber for a reader without a place', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { path: false, maxSubscribers: 0 })
  const subscribers: Subscriber[] = []
  app.get('/own', async (_request, reply) => { subscribers.push(await app.sse.subscribe(reply)) })
  const port = await listen(t, app)
  await answerTo(t, port, 'GET /own\naccept: text/event-stream')
  t.equal(await subscribers[0]!.closed, 'overload')
  t.equal(await subscribers[0]!.send('message', 'x'), false)
})

t.test('a place is free again as soon as its stream closes, whatever the cause', async (t) => {
  const ends: Array<[name: string, end: (journey: Journey, reader: RawReader) => unknown]> = [
    ['a FIN', (_journey, { socket }) => socket.end()],
    ['a RST', (_journey, { socket }) => (socket as import('node:net').Socket).resetAndDestroy()],
    ['subscriber.close', ({ opened }) => opened.at(-1)!.close()],
    ['a final end', ({ opened }) => opened.at(-1)!.close({ final: true })],
    ['disconnect', ({ app }) => app.sse.disconnect(() => true)]
  ]
  const journey = await start(t, { maxSubscribers: 1, maxSubscribersPerKey: 1 })
  for (const [name, end] of ends) {
    const reader = await openStream(t, journey.port)
    const before = journey.closes.length
    t.match((await answerTo(t, journey.port)).body, /^retry: /, `full before ${name}`)
    await end(journey, reader)
    await until(() => journey.closes.length > before)
    const next = await openStream(t, journey.port)
    next.socket.destroy()
    await until(() => journey.closes.length > before + 1)
    t.pass(name)
  }
  t.equal(journey.app.sse.count(), 0)
})

t.test('the place is already free when `onClose` is called', async (t) => {
  const seen: Array<Promise<RawAnswer>> = []
  const { port } = await start(t, {
    maxSubscribers: 1,
    onClose: () => { seen.push(openStream(t, port).then(({ answers }) => answers[0]!)) }
  })
  const reader = await openStream(t, port)
  reader.socket.destroy()
  await until(() => seen.length > 0)
  t.match((await seen[0]!).body, 'sse.open')
})

t.test('a request that fails or leaves before its stream opens releases its place', async (t) => {
  const fail = new Error('no')
  const entered = gate()
  const { port, errors } = await start(t, { maxSubscribers: 1 }, {
    prepare: (app) => {
      app.addHook('onSend', async ({ url }) => {
        if (url.includes('fail')) throw fail
        if (!url.includes('leave')) return
        entered.open()
        await new Promise(() => {})
      })
    }
  })
  t.equal((await answerTo(t, port, 'GET /events?fail\naccept: text/event-stream')).status, 500)
  const leaving = await RawReader.connect(t, port)
  leaving.ask('GET /events?leave')
  await entered.passed
  t.match((await answerTo(t, port)).body, /^retry: /, 'an opening stream already takes its place')
  leaving.socket.destroy()
  let opened: RawAnswer | undefined
  do opened = (await RawReader.connect(t, port).then((reader) => reader.ask(BROWSER).sees(({ answers }) => (answers[0]?.body ?? '') !== ''))).answers[0]
  while (opened!.complete)
  t.match(opened!.body, 'sse.open')
  t.strictSame(errors.map(({ err }) => err.message === 'no' || err.code), [true, 'FST_SSE_REPLY_REPLACED'])
})

t.test('exactly `maxSubscribers` of 40 simultaneous requests get a stream', async (t) => {
  const waiting = gate()
  let here = 0
  const { app, port } = await start(t, {
    maxSubscribers: 7,
    headers: async () => {
      if (++here === 40) waiting.open()
      await waiting.passed
      return {}
    }
  })
  const readers = await Promise.all(Array.from({ length: 40 }, async () => (await RawReader.connect(t, port)).ask(BROWSER)))
  await Promise.all(readers.map((reader) => reader.sees(({ answers }) => (answers[0]?.body ?? '') !== '')))
  t.equal(app.sse.count(), 7)
  t.equal(readers.filter((reader) => reader.answers[0]!.complete).length, 33)
})

t.test('keys for `maxSubscribersPerKey`', async (t) => {
  const userOf = (request: FastifyRequest): string => String(request.headers['x-user'])
  for (const [name, keyGenerator] of [['sync', userOf], ['async', async (request: FastifyRequest) => userOf(request)]] as const) {
    t.test(`have separate places (${name} \`keyGenerator\`)`, async (t) => {
      const { app, port, closes } = await start(t, { maxSubscribersPerKey: 2, keyGenerator })
      const ofAda = [await openStream(t, port, `${BROWSER}\nx-user: Ada`), await openStream(t, port, `${BROWSER}\nx-user: Ada`)]
      t.match((await answerTo(t, port, `${BROWSER}\nx-user: Ada`)).body, /^retry: /)
      await openStream(t, port, `${BROWSER}\nx-user: __proto__`)
      t.equal(app.sse.count(), 3)
      ofAda[0]!.socket.destroy()
      await until(() => closes.length === 1)
      await openStream(t, port, `${BROWSER}\nx-user: Ada`)
    })
  }

  t.test('are addresses by default', async (t) => {
    const { port } = await start(t, { maxSubscribersPerKey: 1 })
    await openStream(t, port)
    t.match((await answerTo(t, port)).body, /^retry: /)
  })

  t.test('are computed after the hooks of the route and only with `maxSubscribersPerKey`', async (t) => {
    let asked = 0
    const keyGenerator = (): string => { return String(asked++) }
    const refused = await start(t, { maxSubscribersPerKey: 1, keyGenerator, route: { preHandler: async (_request, reply) => reply.code(401).send() } })
    t.equal((await answerTo(t, refused.port)).status, 401)
    const unlimited = await start(t, { maxSubscribers: 5, keyGenerator })
    await openStream(t, unlimited.port)
    t.equal(asked, 0)
  })

  t.test('that are empty or no string cause a 500 and take no place', async (t) => {
    for (const none of [undefined, '', null, {}]) {
      const { app, port } = await start(t, { maxSubscribers: 1, maxSubscribersPerKey: 1, keyGenerator: () => none as never })
      const answer = await answerTo(t, port)
      t.equal(answer.status, 500)
      t.match(answer.headers['content-type'], [/^application\/json/])
      t.match(JSON.parse(answer.body), { code: 'FST_SSE_OPTION_INVALID', message: /"keyGenerator" must be/ })
      t.equal(app.sse.count(), 0)
    }
  })
})

t.test('a reader that leaves while a hook runs, and has no address any more, causes no error', async (t) => {
  const { entered, hook, release } = holding()
  const { app, port, sockets, errors } = await start(t, {
    maxSubscribersPerKey: 5,
    route: { preHandler: hook }
  })
  const reader = await RawReader.connect(t, port)
  reader.ask(BROWSER)
  await entered
  reader.socket.destroy()
  await until(() => sockets[0]!.destroyed)
  release()
  for (let n = 0; n < 10; n++) await turn()
  t.strictSame([errors, app.sse.count()], [[], 0])
})

t.test('a reader that leaves while `keyGenerator` runs causes no error', async (t) => {
  const entered = gate()
  const left = gate()
  const { app, port, sockets, errors } = await start(t, {
    maxSubscribersPerKey: 5,
    keyGenerator: async () => {
      entered.open()
      await left.passed
      return undefined as never
    }
  })
  const reader = await RawReader.connect(t, port)
  reader.ask(BROWSER)
  await entered.passed
  reader.socket.destroy()
  await until(() => sockets[0]!.destroyed)
  left.open()
  for (let n = 0; n < 10; n++) await turn()
  t.strictSame([errors, app.sse.count()], [[], 0])
})

t.test('all readers over a Unix socket share one key', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { maxSubscribersPerKey: 1, shutdownTimeout: 0 })
  t.after(() => app.close())
  // Outside this clone: the path of a socket has at most 107 bytes; Node 24 rejects a longer one, older versions truncate it.
  const folder = mkdtempSync(join(tmpdir(), 'sse-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'socket')
  await app.listen({ path })
  const open = async (): Promise<RawReader> => {
    const socket = connect(path)
    t.after(() => socket.destroy())
    return await new RawReader(socket).ask(BROWSER).sees(({ answers }) => (answers[0]?.body ?? '') !== '')
  }
  t.match((await open()).answers[0]!.body, 'sse.open')
  t.match((await open()).answers[0]!.body, /^retry: \d+\n$/)
})

t.test('an overloaded server sends `retry: 1000` even with `reconnectionTime: 0` and ignores the case of media types', async (t) => {
  const { port } = await start(t, { maxSubscribers: 0, reconnectionTime: 0 })
  const answer = await answerTo(t, port, 'GET /events\naccept: TEXT/Event-Stream')
  t.strictSame([answer.status, answer.body], [200, 'retry: 1000\n'])
})

t.test('a 503 has no header of an event stream', async (t) => {
  const { port } = await start(t, { maxSubscribers: 0, overload: 'reject', headers: () => ({ 'x-ours': '1' }) })
  const { headers } = await answerTo(t, port)
  t.strictSame([headers['x-accel-buffering'], headers['x-ours'], headers['cache-control']], [undefined, undefined, ['no-store']])
})
