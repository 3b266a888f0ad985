import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin, { defineEvents } from '../../../plugin.ts'
import { forEachBrowser, type Browser, type Tab } from '../browsers.ts'

const events = defineEvents({ message: Type.String() })

// Firefox reconnects after half a second at the earliest, even if the reconnection time is shorter.
const RECONNECTION_TIME = 100
const SEVERAL_RECONNECTION_TIMES = 1800

const CLOSED = 'source.readyState === EventSource.CLOSED'

const page = (url: string): string => `<!doctype html><title>final</title><script>
  const told = []
  let opens = 0
  const source = new EventSource('${url}')
  source.onopen = () => { opens++ }
  source.onmessage = (event) => told.push(event.data)
  source.addEventListener('sse.close', (event) => told.push(event.data + ' ' + event.lastEventId))
</script>`

interface Asked { readonly url: string, readonly lastEventId: string | undefined, status?: number }

interface Journey {
  readonly app: FastifyInstance
  readonly origin: string
  /** Every stream request, in order; `status` is set once the response is complete. */
  readonly asked: Asked[]
  /** The name of a stream source, once for each start of its generator. */
  readonly sourced: string[]
}

async function start (t: Test): Promise<Journey> {
  const asked: Asked[] = []
  const sourced: string[] = []
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  t.teardown(() => app.close())
  await app.register(ssePlugin, { events, reconnectionTime: RECONNECTION_TIME })
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/page')) return
    const { 'last-event-id': lastEventId } = request.headers
    const one: Asked = { url: request.url, lastEventId: lastEventId as string | undefined }
    asked.push(one)
    reply.raw.once('finish', () => { one.status = reply.raw.statusCode })
  })
  app.get<{ Querystring: { url: string } }>('/page', async (request, reply) => reply.type('text/html').send(page(request.query.url)))
  app.get('/three', async (_request, reply) => {
    const subscriber = await app.sse.of(events).subscribe(reply, { channels: [] })
    await subscriber.stream('message', async function * () {
      sourced.push('three')
      yield * ['one', 'two', 'three']
    })
  })
  app.get('/failing', async (_request, reply) => {
    const subscriber = await app.sse.of(events).subscribe(reply, { channels: [] })
    await subscriber.stream('message', async function * () {
      sourced.push('failing')
      yield 'one'
      throw new Error('inner')
    }).catch(() => {})
  })
  await app.listen({ host: 'localhost', port: 0 })
  return { app, origin: `http://localhost:${portOf(app)}`, asked, sourced }
}

/** The requests for `url`, without those for favicons and other files. */
const to = ({ asked }: Journey, url: string): Asked[] => asked.filter((one) => one.url === url)

const openPage = (browser: Browser, { origin }: Journey, url: string): Promise<Tab> => browser.open(`${origin}/page?url=${encodeURIComponent(url)}`)

/** Checks that the closed EventSource had reconnected once, received status 204, and makes no further request. */
async function staysAway (t: Test, journey: Journey, tab: Tab, url: string): Promise<void> {
  const expected = [{ url, lastEventId: undefined, status: 200 }, { url, lastEventId: 'sse.final', status: 204 }]
  t.strictSame(to(journey, url), expected)
  await sleep(SEVERAL_RECONNECTION_TIMES)
  t.strictSame(to(journey, url), expected, 'no further request')
  t.equal(await tab.evaluate(CLOSED), true)
  t.equal(await tab.evaluate('opens'), 1)
  t.equal(journey.app.sse.count(), 0)
}

await forEachBrowser(t, async (t, browser) => {
  await t.test('a native EventSource receives the items of a stream, reconnects once after its end, and then stays closed', async (t) => {
    const journey = await start(t)
    const tab = await openPage(browser, journey, '/three')
    await tab.until(CLOSED)
    t.strictSame(await tab.evaluate('told'), ['one', 'two', 'three', '{"reason":"ended"} sse.final'])
    await staysAway(t, journey, tab, '/three')
    t.strictSame(journey.sourced, ['three'], 'the source ran once')
    await tab.close()
  })

  await t.test('a native EventSource reconnects once after the source of its stream has failed, and then stays closed', async (t) => {
    const journey = await start(t)
    const tab = await openPage(browser, journey, '/failing')
    await tab.until(CLOSED)
    t.strictSame(await tab.evaluate('told'), ['one', '{"reason":"error"} sse.final'])
    await staysAway(t, journey, tab, '/failing')
    t.strictSame(journey.sourced, ['failing'])
    await tab.close()
  })

  await t.test('a native EventSource that is disconnected with `final: true` reconnects once, and then stays closed', async (t) => {
    const journey = await start(t)
    const { app } = journey
    const tab = await openPage(browser, journey, '/events')
    await tab.until('opens === 1')
    await app.sse.broadcast('message', 'live')
    await tab.until('told.length === 1')
    t.equal(await app.sse.disconnect(() => true, { final: true }), 1)
    await tab.until(CLOSED)
    await app.sse.broadcast('message', 'not for it')
    await staysAway(t, journey, tab, '/events')
    t.strictSame(await tab.evaluate('told'), ['live', '{"reason":"revoked"} sse.final'])
    await tab.close()
  })

  await t.test('a native EventSource that is disconnected without `final` reconnects and receives later events', async (t) => {
    const journey = await start(t)
    const { app } = journey
    const tab = await openPage(browser, journey, '/events')
    await tab.until('opens === 1')
    await app.sse.broadcast('message', 'live')
    await tab.until('told.length === 1')
    await app.sse.disconnect(() => true)
    await tab.until('opens === 2')
    await app.sse.broadcast('message', 'again')
    await tab.until('told.length === 2')
    t.strictSame(await tab.evaluate('told'), ['live', 'again'])
    t.equal(to(journey, '/events').length, 2)
    await tab.close()
  })
})
