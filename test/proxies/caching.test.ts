import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { listen, RawReader, type RawAnswer } from '../flows/raw-reader.ts'
import { HTTP_1_1, passTo, skip, startNginx } from './nginx.ts'

// Caches every response that does not forbid it, for all readers: `any` is often meant for errors.
const CACHE = `${HTTP_1_1} proxy_cache all; proxy_cache_key $uri; proxy_cache_valid any 1m; add_header x-cache $upstream_cache_status always;`

/** Starts an nginx with a cache in front of a server. */
async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'>): Promise<{ app: FastifyInstance, port: number }> {
  const app = Fastify()
  await app.register(ssePlugin, { shutdownTimeout: 0, ...options })
  app.get('/kept', async (_request, reply) => reply.code(204).send())
  const nginx = await startNginx(t, passTo(await listen(t, app), CACHE), 'proxy_cache_path cache keys_zone=all:1m;')
  return { app, port: nginx.port }
}

async function answerTo (t: Test, port: number, request: string): Promise<RawAnswer> {
  const reader = await RawReader.connect(t, port)
  await reader.ask(request).sees(({ answers: [answer] }) => answer?.complete === true)
  reader.socket.destroy()
  return reader.answers[0]!
}

/** Responses to one reader. */
const TOLD: Array<[title: string, request: string, status: number]> = [
  ['204', 'GET /events\nlast-event-id: sse.final', 204],
  ['406', 'GET /events\naccept: text/html', 406]
]

for (const [title, request, status] of TOLD) {
  t.test(`behind a cache, the ${title} for one reader is not served to another`, { skip }, async (t) => {
    const { port } = await start(t, {})
    t.equal((await answerTo(t, port, request)).status, status)
    const other = await RawReader.connect(t, port)
    await other.ask('GET /events').seesEvents('sse.open')
    t.equal(other.answers[0]!.status, 200)
  })
}

for (const overload of ['retry', 'reject'] as const) {
  t.test(`behind a cache, the refusal of one reader for lack of places (overload: '${overload}') is not served to another`, { skip }, async (t) => {
    const { app, port } = await start(t, { maxSubscribers: 1, overload })
    const first = await RawReader.connect(t, port)
    await first.ask('GET /events').seesEvents('sse.open')
    const answer = await answerTo(t, port, 'GET /events\naccept: text/event-stream')
    t.equal(answer.status, overload === 'retry' ? 200 : 503)
    first.socket.destroy()
    await app.sse.disconnect(() => true)
    const other = await RawReader.connect(t, port)
    await other.ask('GET /events').seesEvents('sse.open')
  })
}

t.test('the cache of these tests stores a response without `Cache-Control`', { skip }, async (t) => {
  const { port } = await start(t, {})
  await answerTo(t, port, 'GET /kept')
  t.strictSame((await answerTo(t, port, 'GET /kept')).headers['x-cache'], ['HIT'])
})
