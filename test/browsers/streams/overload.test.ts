import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { portOf } from '../../../demo/origins.ts'
import ssePlugin, { type SsePluginOptions } from '../../../plugin.ts'
import { RawReader } from '../../flows/raw-reader.ts'
import { forEachBrowser, type Browser, type Tab } from '../browsers.ts'
import { holds } from '../holds.ts'

// Firefox reconnects after half a second at the earliest, even if the reconnection time is shorter.
const RECONNECTION_TIME = 100
const SEVERAL_RECONNECTION_TIMES = 1800

const page = (url: string): string => `<!doctype html><title>overload</title><script>
  const told = []
  const states = []
  let opens = 0
  let heartbeats = 0
  const source = new EventSource('${url}')
  source.onerror = () => states.push(source.readyState)
  source.onmessage = (event) => told.push(event.data)
  source.addEventListener('sse.open', () => { opens++ })
  source.addEventListener('sse.heartbeat', () => { heartbeats++ })
</script>`

interface Journey {
  readonly app: FastifyInstance
  readonly streams: string
  /** An origin other than that of the streams. */
  readonly pages: string
}

async function start (t: Test, options: Omit<SsePluginOptions, 'prefix'>): Promise<Journey> {
  const [app, others] = [Fastify({ forceCloseConnections: true }), Fastify({ forceCloseConnections: true })] as [FastifyInstance, FastifyInstance]
  await app.register(ssePlugin, { reconnectionTime: RECONNECTION_TIME, ...options })
  for (const one of [app, others]) {
    t.teardown(() => one.close())
    one.get<{ Querystring: { url: string } }>('/page', async (request, reply) => reply.type('text/html').send(page(request.query.url)))
    await one.listen({ host: 'localhost', port: 0 })
  }
  const [streams, pages] = [app, others].map((one) => `http://localhost:${portOf(one)}`) as [string, string]
  return { app, streams, pages }
}

/** Opens a page with a native EventSource. */
const openPage = (browser: Browser, { streams }: Journey, origin: string): Promise<Tab> => browser.open(`${origin}/page?url=${encodeURIComponent(`${streams}/events`)}`)

/** Opens a stream that occupies the only place. */
async function takePlace (t: Test, { app }: Journey): Promise<RawReader> {
  return (await RawReader.connect(t, portOf(app))).ask('GET /events').seesEvents('sse.open')
}

const FULL = { maxSubscribers: 1 }

await forEachBrowser(t, async (t, browser) => {
  for (const origin of ['streams', 'pages'] as const) {
    const whose = origin === 'streams' ? 'of the same origin' : 'of another origin'

    await t.test(`a native EventSource ${whose} retries while the server is full, and opens once a place is free`, async (t) => {
      const journey = await start(t, FULL)
      const { app } = journey
      const first = await takePlace(t, journey)
      const tab = await openPage(browser, journey, journey[origin])
      await holds(() => app.sse.stats().closes.overload >= 3, 'the EventSource has retried twice')
      await tab.until('states.length >= 3')
      t.equal(await tab.evaluate('source.readyState === EventSource.CLOSED || opens > 0'), false)

      first.socket.destroy()
      await tab.until('opens === 1')
      await app.sse.broadcast('message', 'there is a place')
      await tab.until('told.length === 1')
      t.equal(await tab.evaluate('states.every((state) => state === EventSource.CONNECTING)'), true)
      t.equal(app.sse.count(), 1)
      await tab.close()
    })

    await t.test(`a native EventSource ${whose} reconnects after each maxLifetime and misses no event`, async (t) => {
      const journey = await start(t, { maxLifetime: 500 })
      const { app } = journey
      const tab = await openPage(browser, journey, journey[origin])
      await tab.until('opens === 1')
      let number = 0
      const timer = setInterval(() => { void app.sse.broadcast('message', String(number++)) }, 10)
      t.teardown(() => clearInterval(timer))
      await tab.until('opens >= 4')
      clearInterval(timer)
      await tab.until(`told.length >= ${number}`)
      t.strictSame(await tab.evaluate('told'), Array.from({ length: number }, (_, n) => String(n)))
      t.ok(app.sse.stats().closes.lifetime >= 3)
      await tab.close()
    })
  }

  await t.test('a native EventSource that an overloaded server rejects stays closed, even if a place is free a moment later', async (t) => {
    const journey = await start(t, { ...FULL, overload: 'reject' })
    const { app } = journey
    const first = await takePlace(t, journey)
    const tab = await openPage(browser, journey, journey.streams)
    await tab.until('source.readyState === EventSource.CLOSED')
    first.socket.destroy()
    await holds(() => app.sse.count() === 0, 'the place is free')
    await sleep(SEVERAL_RECONNECTION_TIMES)
    t.equal(app.sse.stats().closes.overload, 1, 'the EventSource made one request')
    t.equal(app.sse.count(), 0)
    t.equal(await tab.evaluate('source.readyState === EventSource.CLOSED'), true)
    await tab.close()
  })

  await t.test('a page receives the heartbeat events of a silent stream', async (t) => {
    const journey = await start(t, { heartbeatInterval: 200, heartbeatEvent: true })
    const tab = await openPage(browser, journey, journey.pages)
    await tab.until('heartbeats >= 3')
    t.strictSame(await tab.evaluate('[opens, states.length, told.length]'), [1, 0, 0])
    await tab.close()
  })
})
