import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { listen, RawReader, type RawAnswer } from './raw-reader.ts'

async function ask (t: Test, options: Omit<SsePluginOptions, 'prefix'>, request: string, adorn: (app: FastifyInstance) => void = () => {}): Promise<RawAnswer> {
  const app = Fastify()
  await app.register(ssePlugin, options)
  adorn(app)
  const reader = await RawReader.connect(t, await listen(t, app))
  await reader.ask(request).sees(({ answers: [answer] }) => answer?.complete === true)
  return reader.answers[0]!
}

const failing = (): never => { throw new Error('mine') }

const NOT_STREAMS: Array<[title: string, options: Omit<SsePluginOptions, 'prefix'>, request: string, status: number]> = [
  ['that the reader is to stay away', {}, 'GET /events?lastEventId=sse.final', 204],
  ['that the reader is to stay away, to HEAD', {}, 'HEAD /events\nlast-event-id: sse.final', 204],
  ['that the request does not accept it', {}, 'GET /events\naccept: text/html', 406],
  ['that there is no place', { maxSubscribers: 0, overload: 'reject' }, 'GET /events', 503],
  ['that there is no place, to one that did not ask for a stream', { maxSubscribers: 0 }, 'GET /events\naccept: */*', 503],
  ['when to come back', { maxSubscribers: 0 }, 'GET /events\naccept: text/event-stream', 200],
  ['when to come back, with headers of the application', { maxSubscribers: 0, headers: () => ({ 'Cache-Control': 'public, max-age=60' }) }, 'GET /events\naccept: text/event-stream', 200],
  ['when to come back, to HEAD', { maxSubscribers: 0 }, 'HEAD /events\naccept: text/event-stream', 200],
  ['that `subscribe` failed', { subscribe: failing }, 'GET /events', 500],
  ['that `headers` failed', { headers: failing }, 'GET /events', 500],
  ['that `keyGenerator` failed', { keyGenerator: failing, maxSubscribersPerKey: 1 }, 'GET /events', 500],
  ['that a hook failed', { route: { preHandler: async () => { throw new Error('mine') } } }, 'GET /events', 500],
  ['that the query does not fit its schema', { route: { schema: { querystring: { type: 'object', required: ['room'] } } } }, 'GET /events', 400],
  ['where the inspector is', { inspector: true }, 'GET /sse', 302]
]

for (const [title, options, request, status] of NOT_STREAMS) {
  t.test(`no cache keeps the answer that says ${title}`, async (t) => {
    const answer = await ask(t, options, request)
    t.equal(answer.status, status)
    t.strictSame(answer.headers['cache-control'], ['no-store'])
  })
}

t.test('no cache keeps the answer to a stream that failed while its head was sent', async (t) => {
  const answer = await ask(t, { route: { onSend: async (_request, reply) => { if (reply.getHeader('x-accel-buffering') !== undefined) reply.code(201) } } }, 'GET /events')
  t.equal(answer.status, 500)
  t.strictSame(answer.headers['cache-control'], ['no-store'])
})

t.test('an `onError` hook of the application runs as well', async (t) => {
  const seen: string[] = []
  const answer = await ask(t, { subscribe: failing, route: { onError: async (_request, reply, error) => { seen.push(`${error.message} ${String(reply.getHeader('cache-control'))}`) } } }, 'GET /events')
  t.strictSame([answer.status, answer.headers['cache-control'], seen], [500, ['no-store'], ['mine no-store']])
})

t.test('on a route of the application, its own answer to an error is left alone, and ours says that no cache keeps it', async (t) => {
  const own = (app: FastifyInstance): void => { app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) }) }
  t.notOk((await ask(t, { path: false }, 'GET /own\naccept: text/html', own)).headers['cache-control'])
  for (const [request, options] of [['GET /own?lastEventId=sse.final', {}], ['GET /own', { maxSubscribers: 0, overload: 'reject' }]] as const) {
    t.strictSame((await ask(t, { path: false, ...options }, request, own)).headers['cache-control'], ['no-store'])
  }
})

t.test('a file that the reader has already is kept, and asked for each time', async (t) => {
  const { headers: { etag } } = await ask(t, {}, 'GET /sse/client.js')
  const answer = await ask(t, {}, `GET /sse/client.js\nif-none-match: ${etag![0]}`)
  t.equal(answer.status, 304)
  t.strictSame([answer.headers['cache-control'], answer.headers['etag']], [['no-cache'], etag])
})
