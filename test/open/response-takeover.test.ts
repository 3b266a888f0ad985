import cors from '@fastify/cors'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyReply } from 'fastify'
import t from 'tap'
import ssePlugin, { defineEvents } from '../../plugin.ts'
import { openStream } from '../../testing/index.ts'
import { gate, listen, RawReader } from '../flows/raw-reader.ts'

const events = defineEvents({ message: Type.String() })

/** An application whose onSend hook holds a reply until the test opens `passing`. */
async function createApp (options: object = {}) {
  const reached = gate()
  const passing = gate()
  const app = Fastify()
  app.addHook('onSend', async () => {
    reached.open()
    await passing.passed
  })
  await app.register(ssePlugin, { events, ...options })
  return { app, sse: app.sse.of(events), reached, passing }
}

t.test('a reader with a foreign ID whose place is evicted during the onSend hooks receives its gap and the kept events', async (t) => {
  const { app, sse, reached, passing } = await createApp({ history: { maxEvents: 2 } })
  t.after(() => app.close())
  await sse.broadcast('message', '1')
  const opening = openStream(app, '/events', { events, headers: { 'last-event-id': 'aaaaaaaaaa.1' } })
  await reached.passed
  await evict(sse)
  passing.open()
  const stream = await opening
  t.equal((await stream.next('sse.gap')).data.reason, 'foreign')
  t.equal((await stream.next('message')).data, '4')
})

t.test('a reader whose entries are evicted during the onSend hooks receives sse.gap before any ID', async (t) => {
  const { app, sse, reached, passing } = await createApp({ history: { maxEvents: 2 } })
  t.after(() => app.close())
  const { lastEventId } = sse
  await sse.broadcast('message', '1')
  const opening = openStream(app, `/events?lastEventId=${lastEventId}`, { events })
  await reached.passed
  await evict(sse)
  passing.open()
  const stream = await opening
  t.equal((await stream.next('sse.open')).id, '')
  t.match(await stream.next('sse.gap'), { data: { reason: 'evicted', lastEventId }, id: /./ })
  t.equal((await stream.next('message')).data, '4')
})

/** Broadcasts four events, of which only the last two are kept: the sweep after each broadcast evicts older entries. */
async function evict (sse: { broadcast (event: 'message', data: string): Promise<unknown> }): Promise<void> {
  for (const text of ['2', '3', '4', '5']) {
    await sse.broadcast('message', text)
    await new Promise(setImmediate)
  }
}

t.test('a second `subscribe` of a reply rejects, even during its onSend hooks', async (t) => {
  const { app, sse, passing } = await createApp({ path: false })
  const outcomes: Array<PromiseSettledResult<unknown>> = []
  app.get('/twice', async (_request, reply) => {
    const both = Promise.allSettled([sse.subscribe(reply), sse.subscribe(reply)])
    passing.open()
    outcomes.push(...await both)
  })
  t.after(() => app.close())
  await openStream(app, '/twice', { events })
  t.match(outcomes, [{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'FST_SSE_REPLY_SENT' } }])
  t.equal(sse.count(), 1)
})

t.test('a `subscribe` that a handler does not await rejects if the handler has sent another response meanwhile', async (t) => {
  const given = gate()
  const asked = gate()
  const slow = async (): Promise<Record<string, string>> => {
    asked.open()
    await given.passed
    return {}
  }
  const app = Fastify()
  await app.register(ssePlugin, { events, path: false, headers: slow })
  const outcomes: Array<Promise<unknown>> = []
  app.get('/forgotten', async (_request, reply) => {
    outcomes.push(app.sse.subscribe(reply))
    await asked.passed
    return reply.send({ other: true })
  })
  t.after(() => app.close())
  t.strictSame((await app.inject('/forgotten')).json(), { other: true })
  given.open()
  await t.rejects(outcomes[0]!, { code: 'FST_SSE_REPLY_SENT' })
  t.equal(app.sse.count(), 0)
})

t.test('a `subscribe` that waits in the opening queue rejects if the handler has sent another response meanwhile', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, { events, path: false })
  const outcomes: Array<Promise<unknown>> = []
  app.get('/forgotten', (_request, reply) => {
    outcomes.push(app.sse.subscribe(reply))
    // The first 32 of a turn open at once.
    if (outcomes.length > 32) reply.send({ other: true })
  })
  t.after(() => app.close())
  const answers = await Promise.all(Array.from({ length: 40 }, () => app.inject({ url: '/forgotten', payloadAsStream: true })))
  t.equal(answers.filter(({ headers }) => headers['content-type'] === 'text/event-stream; charset=utf-8').length, 32)
  const settled = await Promise.allSettled(outcomes)
  t.equal(settled.filter(({ status }) => status === 'rejected').length, 8)
  for (const outcome of settled) if (outcome.status === 'rejected') t.match(outcome.reason, { code: 'FST_SSE_REPLY_SENT' })
})

t.test('a Content-Length or Content-Encoding that an onSend hook sets is not sent', async (t) => {
  const app = Fastify()
  app.addHook('onSend', async (_request, reply) => { reply.headers({ 'content-length': 5, 'content-encoding': 'gzip' }) })
  await app.register(ssePlugin, { events })
  const reader = await RawReader.connect(t, await listen(t, app))
  await reader.ask('GET /events').seesEvents('sse.open')
  const [answer] = reader.answers
  t.notOk(answer!.headers['content-length'])
  t.notOk(answer!.headers['content-encoding'])
  t.strictSame(answer!.headers['transfer-encoding'], ['chunked'])
})

t.test('a reader that leaves during the onSend hooks closes its subscriber, and Fastify sends nothing more', async (t) => {
  const { app, sse, reached, passing } = await createApp({ path: false })
  const sent: unknown[] = []
  app.addHook('onSend', async (_request, _reply, payload) => { sent.push(payload) })
  const answered = gate()
  app.get('/own', async (_request, reply: FastifyReply) => {
    const subscriber = await sse.subscribe(reply)
    t.equal(await subscriber.closed, 'reader')
    answered.open()
    return subscriber
  })
  const reader = await RawReader.connect(t, await listen(t, app))
  reader.ask('GET /own')
  await reached.passed
  reader.socket.destroy()
  await answered.passed
  passing.open()
  await new Promise(setImmediate)
  t.ok(sent.length <= 1, 'the subscriber itself is not sent')
  t.equal(sse.count(), 0)
})

t.test('`headers` may be async, and its Vary is added to that of CORS', async (t) => {
  const app = Fastify()
  await app.register(ssePlugin, {
    events,
    cors: { origin: ['https://a.test'] },
    headers: async () => ({ vary: 'Accept-Language', 'x-served-by': 'a' })
  })
  t.after(() => app.close())
  const { headers } = await openStream(app, '/events', { events, headers: { origin: 'https://a.test' } })
  t.match(headers, { vary: 'Origin, Accept-Language', 'x-served-by': 'a', 'access-control-allow-origin': 'https://a.test' })
})

t.test('a route of the application with other constraints at the path of the stream route keeps its handler', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(cors, { origin: false })
  app.get('/events', async () => 'the one without a host')
  await app.register(ssePlugin, { events, route: { constraints: { host: 'a.test' } } })
  t.equal((await app.inject('/events')).body, 'the one without a host')
  await openStream(app, '/events', { events, headers: { host: 'a.test' } })
})

t.test('nothing is sent if `headers` fails, and the handler may subscribe again', async (t) => {
  const app = Fastify()
  t.after(() => app.close())
  let asked = 0
  await app.register(ssePlugin, {
    events,
    path: false,
    headers: async () => {
      if (++asked === 1) throw new Error('the database was restarted')
      return { 'x-attempt': asked }
    }
  })
  app.get('/own', async (_request, reply) => {
    await t.rejects(app.sse.subscribe(reply), { message: 'the database was restarted' })
    await app.sse.subscribe(reply)
  })
  t.equal((await openStream(app, '/own', { events })).headers['x-attempt'], '2')
})
