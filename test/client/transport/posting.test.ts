import Fastify, { type FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import { connect } from '../../../client/index.ts'
import ssePlugin, { defineEvents } from '../../../plugin.ts'
import { gate, until } from '../../flows/raw-reader.ts'

// Answers to POST, and URLs that are asked for, over a real server.

const events = defineEvents({ token: { schema: Type.String(), merge: (older, newer) => older + newer } })

interface Journey {
  readonly app: FastifyInstance
  readonly url: string
  /** The requests, as method and URL. */
  readonly asked: string[]
  readonly bodies: unknown[]
}

const FAST = { backoff: { base: 10, cap: 20 } } as const

async function start (t: Test, words: (signal: AbortSignal) => AsyncIterable<string>, plain = false): Promise<Journey> {
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  const asked: string[] = []
  const bodies: unknown[] = []
  t.teardown(() => app.close())
  await app.register(ssePlugin, { events, path: false, reconnectionTime: 10 })
  const { runs } = app.sse.of(events)
  app.addHook('onRequest', async ({ method, url }) => { asked.push(`${method} ${url.replace(/lastEventId=.*/, 'lastEventId=…').replace(/[\w-]{24}/, 'ID')}`) })
  app.post('/answers', async (request, reply) => {
    bodies.push(request.body)
    const run = await runs.start('token', words)
    const place = String(request.headers['x-place'] ?? '')
    reply.header('content-location', place.startsWith('http') ? place : `/answers/${run.id}${place}`)
    await run.subscribe(reply, { plain })
  })
  app.get<{ Params: { id: string } }>('/answers/:id', (request, reply) => runs.subscribe(reply, request.params.id, { plain }))
  app.post('/alone', async (_request, reply) => {
    const subscriber = await app.sse.of(events).subscribe(reply, { channels: [], plain: true })
    await subscriber.stream('token', words)
  })
  app.post('/refused', async (_request, reply) => reply.code(503).send())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, url, asked, bodies }
}

async function * three (): AsyncGenerator<string> { yield * ['a', 'b', 'c'] }

t.test('an answer to POST is a loop that ends with its run, and the body is sent as JSON', async (t) => {
  const { url, asked, bodies } = await start(t, three)
  const stream = connect<typeof events>(`${url}/answers`, { method: 'POST', body: { question: 'why' }, ...FAST })
  const tokens: string[] = []
  for await (const token of stream.events('token')) tokens.push(token)
  t.equal(tokens.join(''), 'abc')
  t.strictSame([asked, bodies], [['POST /answers'], [{ question: 'why' }]])
  t.strictSame(stream.status, { state: 'closed', reason: 'final', closeReason: 'done' })
})

t.test('an answer that is cut off goes on by GET at its Content-Location, after the last event, and is asked for once', async (t) => {
  for (const plain of [false, true]) {
    const cut = gate()
    const { app, url, asked } = await start(t, async function * () {
      yield 'a'
      await cut.passed
      yield * ['b', 'c']
    }, plain)
    const stream = connect<typeof events>(`${url}/answers`, { method: 'POST', body: 'why', text: ['token'], headers: { 'content-type': 'text/plain' }, ...FAST })
    const tokens: string[] = []
    const done = (async () => { for await (const token of stream.events('token')) tokens.push(token) })()
    await until(() => tokens.length === 1)
    await app.sse.disconnect(() => true)
    await until(() => asked.length === 2)
    cut.open()
    await done
    t.equal(tokens.join(''), 'abc')
    t.strictSame(asked.slice(0, 2), ['POST /answers', 'GET /answers/ID?lastEventId=…'])
    t.ok(asked.slice(2).every((line) => line.startsWith('GET ')), asked.join())
    await app.close()
  }
})

t.test('an answer goes on at its Content-Location whether its own URL, or that one, has a query, and without its fragment', async (t) => {
  for (const [query, place] of [['?model=x', ''], ['', '?part=2'], ['?model=x', '?part=2#end'], ['', '#end']] as const) {
    const { app, url, asked } = await start(t, async function * (signal) {
      yield 'a'
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    const stream = connect<typeof events>(`${url}/answers${query}`, { method: 'POST', headers: { 'x-place': place }, ...FAST })
    t.teardown(() => stream.close())
    let tokens = 0
    stream.on('token', () => { tokens++ })
    await until(() => tokens === 1)
    await app.sse.disconnect(() => true)
    await until(() => asked.length === 2)
    t.equal(asked[1], `GET /answers/ID${place.replace('#end', '')}${place.startsWith('?') ? '&' : '?'}lastEventId=…`)
    stream.close()
    await app.close()
  }
})

t.test('an answer that goes on at another origin is not asked for there, because the headers would go along', async (t) => {
  const [one, other] = [await start(t, three), await start(t, three)]
  const problems: unknown[] = []
  const stream = connect<typeof events>(`${one.url}/answers`, { method: 'POST', headers: { 'x-place': `${other.url}/answers/secret`, authorization: 'secret' }, onError: (error) => problems.push(error), ...FAST })
  for await (const token of stream.events('token')) t.type(token, 'string')
  t.match(problems, [/goes on at another origin/])
  t.strictSame(other.asked, [])
})

t.test('any object without a form of its own is sent as JSON, and one that has no JSON form is reported', async (t) => {
  class Question { text = 'why' }
  const { url, bodies } = await start(t, three)
  for (const body of [new Question(), Object.assign(Object.create(null), { text: 'why' }), ['why']]) {
    for await (const token of connect<typeof events>(`${url}/answers`, { method: 'POST', body, ...FAST }).events('token')) t.type(token, 'string')
  }
  t.strictSame(bodies, [{ text: 'why' }, { text: 'why' }, ['why']])
  const problems: unknown[] = []
  const stream = connect(`${url}/answers`, { method: 'POST', body: { n: 1n }, onError: (error) => problems.push(error), ...FAST })
  await until(() => problems.length > 0)
  stream.close()
  t.match(problems[0], { name: 'TypeError', message: /BigInt/ })
})

t.test('a loop over an answer that fails throws, with the status of the stream', async (t) => {
  const { url } = await start(t, async function * () { yield 'a'; throw new Error('secret') })
  const stream = connect<typeof events>(`${url}/answers`, { method: 'POST', ...FAST })
  const tokens: string[] = []
  await t.rejects((async () => { for await (const token of stream.events('token')) tokens.push(token) })(),
    { cause: { state: 'closed', reason: 'final', closeReason: 'failed' } })
  t.strictSame(tokens, ['a'])
})

t.test('an answer without a Content-Location is over when it ends, and lost when it is cut off', async (t) => {
  const { url, asked } = await start(t, three)
  const whole = connect<typeof events>(`${url}/alone`, { method: 'POST', text: ['token'], ...FAST })
  const tokens: string[] = []
  for await (const token of whole.events('token')) tokens.push(token)
  t.strictSame(tokens, ['a', 'b', 'c'])
  t.strictSame(whole.status, { state: 'closed', reason: 'final', closeReason: '' })

  const failing = await start(t, async function * () { yield 'a'; throw new Error('secret') })
  const cut = connect<typeof events>(`${failing.url}/alone`, { method: 'POST', text: ['token'], ...FAST })
  await t.rejects((async () => { for await (const token of cut.events('token')) t.equal(token, 'a') })(), { cause: { state: 'closed', reason: 'lost' } })
  t.strictSame([asked, failing.asked], [['POST /alone'], ['POST /alone']])
})

t.test('a POST is not sent again: not after a refusal, not without a response, and not by `reconnect`', async (t) => {
  const { app, url, asked } = await start(t, three)
  const refused = connect(`${url}/refused`, { method: 'POST', ...FAST })
  await until(() => refused.status.state === 'closed')
  t.strictSame(refused.status, { state: 'closed', reason: 'gone', httpStatus: 503 })
  refused.reconnect()

  const silent = gate()
  app.server.once('request', () => silent.open())
  const cut = connect(`${url}/answers`, { method: 'POST', connectTimeout: 1, ...FAST })
  await until(() => cut.status.state === 'closed')
  t.strictSame(cut.status, { state: 'closed', reason: 'lost' })

  const away = connect('http://127.0.0.1:9/', { method: 'POST', ...FAST })
  await until(() => away.status.state === 'closed')
  t.strictSame(away.status, { state: 'closed', reason: 'lost' })
  const times = (line: string): number => asked.filter((one) => one === line).length
  t.strictSame([times('POST /refused'), times('POST /answers') <= 1], [1, true])
})

t.test('`close` leaves the answer, and its run goes on', async (t) => {
  const { app, url } = await start(t, async function * (signal) {
    yield 'a'
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  })
  const stream = connect<typeof events>(`${url}/answers`, { method: 'POST', ...FAST })
  for await (const token of stream.events('token')) {
    t.equal(token, 'a')
    stream.close()
  }
  await until(() => app.sse.count() === 0)
  t.equal(app.sse.stats().runs.running, 1)
})

t.test('a URL that is a function is asked for at every attempt, and an error of it is reported', async (t) => {
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  t.teardown(() => app.close())
  const tickets: unknown[] = []
  await app.register(ssePlugin, { reconnectionTime: 10, onSubscribe: (_, { query }) => { tickets.push((query as Record<string, string>).ticket) } })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  let next = 0
  const errors: unknown[] = []
  const stream = connect(async () => {
    if (++next === 2) throw new Error('no ticket')
    return next === 1 ? `${url}/events?ticket=${next}` : new URL(`${url}/events?ticket=${next}`)
  }, { onError: (error) => errors.push(error), ...FAST })
  t.teardown(() => stream.close())
  const seen: unknown[] = []
  stream.on('message', (data) => seen.push(data))
  await until(() => stream.status.state === 'open')
  await app.sse.broadcast('message', { n: 1 })
  await until(() => seen.length === 1)
  await app.sse.disconnect(() => true)
  await app.sse.broadcast('message', { n: 2 })
  await until(() => seen.length === 2)
  t.strictSame([tickets, seen], [['1', '3'], [{ n: 1 }, { n: 2 }]])
  t.match(errors, [{ message: 'no ticket' }])
  t.equal(stream.url, '')
})
