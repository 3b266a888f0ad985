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
  ['204 to a reader with `sse.final`', {}, 'GET /events?lastEventId=sse.final', 204],
  ['204 to HEAD with `sse.final`', {}, 'HEAD /events\nlast-event-id: sse.final', 204],
  ['406', {}, 'GET /events\naccept: text/html', 406],
  ['503', { maxSubscribers: 0, overload: 'reject' }, 'GET /events', 503],
  ['503 to a request that does not name event streams', { maxSubscribers: 0 }, 'GET /events\naccept: */*', 503],
  ['a lone reconnection time', { maxSubscribers: 0 }, 'GET /events\naccept: text/event-stream', 200],
  ['a lone reconnection time with headers of the application', { maxSubscribers: 0, headers: () => ({ 'Cache-Control': 'public, max-age=60' }) }, 'GET /events\naccept: text/event-stream', 200],
  ['a lone reconnection time to HEAD', { maxSubscribers: 0 }, 'HEAD /events\naccept: text/event-stream', 200],
  ['500 after `subscribe` failed', { subscribe: failing }, 'GET /events', 500],
  ['500 after `headers` failed', { headers: failing }, 'GET /events', 500],
  ['500 after `keyGenerator` failed', { keyGenerator: failing, maxSubscribersPerKey: 1 }, 'GET /events', 500],
  ['500 after a hook failed', { route: { preHandler: async () => { throw new Error('mine') } } }, 'GET /events', 500],
  ['400 for a query that does not match its schema', { route: { schema: { querystring: { type: 'object', required: ['room'] } } } }, 'GET /events', 400],
  ['the redirect to the inspector', { inspector: true }, 'GET /sse', 302]
]

for (const [title, options, request, status] of NOT_STREAMS) {
  t.test(`no cache stores this response: ${title}`, async (t) => {
    const answer = await ask(t, options, request)
    t.equal(answer.status, status)
    t.strictSame(answer.headers['cache-control'], ['no-store'])
  })
}

t.test('no cache stores the 500 of a stream that failed while its head was sent', async (t) => {
  const answer = await ask(t, { route: { onSend: async (_request, reply) => { if (reply.getHeader('x-accel-buffering') !== undefined) reply.code(201) } } }, 'GET /events')
  t.equal(answer.status, 500)
  t.strictSame(answer.headers['cache-control'], ['no-store'])
})

t.test('an `onError` hook of the application runs, too', async (t) => {
  const seen: string[] = []
  const answer = await ask(t, { subscribe: failing, route: { onError: async (_request, reply, error) => { seen.push(`${error.message} ${String(reply.getHeader('cache-control'))}`) } } }, 'GET /events')
  t.strictSame([answer.status, answer.headers['cache-control'], seen], [500, ['no-store'], ['mine no-store']])
})

t.test('on an application route a 406 has no `Cache-Control`, and the 204 and 503 of the plugin have `no-store`', async (t) => {
  const own = (app: FastifyInstance): void => { app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) }) }
  t.notOk((await ask(t, { path: false }, 'GET /own\naccept: text/html', own)).headers['cache-control'])
  for (const [request, options] of [['GET /own?lastEventId=sse.final', {}], ['GET /own', { maxSubscribers: 0, overload: 'reject' }]] as const) {
    t.strictSame((await ask(t, { path: false, ...options }, request, own)).headers['cache-control'], ['no-store'])
  }
})

t.test('a 304 to a reader that has the file keeps `no-cache` and the ETag', async (t) => {
  const { headers: { etag } } = await ask(t, {}, 'GET /sse/client.js')
  const answer = await ask(t, {}, `GET /sse/client.js\nif-none-match: ${etag![0]}`)
  t.equal(answer.status, 304)
  t.strictSame([answer.headers['cache-control'], answer.headers['etag']], [['no-cache'], etag])
})
