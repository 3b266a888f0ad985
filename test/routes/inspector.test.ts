import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { defineEvents, type SsePluginOptions } from '../../plugin.ts'
import { Next } from '../support/typebox.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'public/inspector/index.html'), 'utf8')
const CLIENT = readFileSync(join(ROOT, 'browser/client.js'), 'utf8')
const POLICY = "default-src 'self'; connect-src 'self' http: https:; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

function createApp (t: Test, options = {}): FastifyInstance {
  const app = Fastify(options)
  t.after(() => app.close())
  return app
}

const bodyOf = async (app: FastifyInstance, url: string): Promise<string> => (await app.inject(url)).body

async function register (t: Test, options: SsePluginOptions = {}, scope = ''): Promise<FastifyInstance> {
  const app = createApp(t)
  await app.register(async (inner) => { await inner.register(ssePlugin, { inspector: true, ...options }) }, { prefix: scope })
  return app
}

t.test('the inspector is off by default', async (t) => {
  for (const options of [{}, { inspector: false }]) {
    const app = createApp(t)
    await app.register(ssePlugin, options)
    for (const url of ['/sse', '/sse/', '/sse/events.json', '/sse/inspector.css']) t.equal((await app.inject(url)).statusCode, 404, url)
  }
})

t.test('`inspector: true` serves every file of the inspector at /sse/', async (t) => {
  const app = await register(t)
  const page = await app.inject('/sse/')
  t.equal(page.body, PAGE)
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache', etag: /^W\// })
  const types: Record<string, string> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', png: 'image/png' }
  for (const entry of readdirSync(join(ROOT, 'public/inspector'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'index.html') continue
    const path = join(entry.parentPath, entry.name)
    const answer = await app.inject(`/sse/${path.slice(join(ROOT, 'public/inspector/').length)}`)
    t.equal(answer.statusCode, 200, entry.name)
    t.strictSame(answer.rawPayload, readFileSync(path))
    t.match(answer.headers['content-type'], types[entry.name.split('.').at(-1)!] ?? 'nothing that this test knows', entry.name)
  }
})

t.test('every file that the page and its modules refer to is served', async (t) => {
  const app = await register(t, { client: '/elsewhere.js' })
  const seen = new Set<string>()
  const follow = async (url: string): Promise<void> => {
    if (seen.has(url)) return
    seen.add(url)
    const { statusCode, body, headers } = await app.inject(url)
    t.equal(statusCode, 200, url)
    const pattern = /html/.test(String(headers['content-type'])) ? /(?:src|href)="(\.[^"#?]+)"/g : /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g
    for (const [, link] of body.matchAll(pattern)) await follow(new URL(link!, `http://a.test${url}`).pathname)
  }
  await follow('/sse/')
  t.ok(seen.has('/sse/client.js') && seen.has('/sse/fetch-transport.js'), [...seen].join(' '))
})

t.test('the browser client is served next to the inspector, whatever the option `client` is', async (t) => {
  const places: SsePluginOptions[] = [{}, { client: false }, { client: '/live.js' }, { client: '/sse/live.js' }, { inspector: '/look/' }]
  for (const options of places) {
    const app = await register(t, options)
    const folder = options.inspector ?? '/sse/'
    t.equal(await bodyOf(app, `${folder}client.js`), CLIENT, JSON.stringify(options))
    for (const name of ['fetch-transport.js', 'sharing.js', 'client.js.map']) t.equal((await app.inject(`${folder}${name}`)).statusCode, 200)
    if (typeof options.client === 'string') t.equal(await bodyOf(app, options.client), CLIENT)
  }
})

t.test('the option `inspector` sets its URL, and the URL without the slash redirects to it', async (t) => {
  const places: Array<[options: SsePluginOptions, scope: string, url: string]> = [
    [{}, '', '/sse/'],
    [{ inspector: '/look/' }, '', '/look/'],
    [{ inspector: '/look/here/' }, '', '/look/here/'],
    [{ prefix: '/api' }, '', '/api/sse/'],
    [{ prefix: '/api', inspector: '/' }, '', '/api/'],
    [{}, '/shop', '/shop/sse/'],
    [{}, '/shop/', '/shop/sse/'],
    [{ inspector: '/' }, '/shop', '/shop/'],
    [{ inspector: '/' }, '', '/']
  ]
  for (const [options, scope, url] of places) {
    const app = await register(t, options, scope)
    t.equal(await bodyOf(app, url), PAGE, url)
    t.equal((await app.inject(`${url}events.json`)).statusCode, 200)
    if (url === '/') continue
    for (const query of ['', '?stream=/a/b/']) {
      const asked = url.slice(0, -1) + query
      const { statusCode, headers } = await app.inject(asked)
      t.equal(statusCode, 302, asked)
      t.equal(new URL(String(headers.location), `http://a.test${asked}`).href, `http://a.test${url}${query}`)
      t.match(headers.location, /^\.\//, 'relative: a proxy may have removed a part of the path')
    }
  }
})

t.test('an application that ignores trailing slashes redirects, too', async (t) => {
  const app = createApp(t, { routerOptions: { ignoreTrailingSlash: true } })
  await app.register(ssePlugin, { inspector: true })
  t.equal((await app.inject('/sse')).headers.location, './sse/')
  t.equal(await bodyOf(app, '/sse/'), PAGE)
})

t.test('a route at the URL without the slash is kept', async (t) => {
  const app = createApp(t)
  await app.register(ssePlugin, { path: '/sse', inspector: true })
  t.match((await app.inject({ method: 'HEAD', url: '/sse' })).headers['content-type'], 'text/event-stream')
  t.equal(await bodyOf(app, '/sse/'), PAGE)
})

t.test('a registration is refused if a URL of the inspector is taken', async (t) => {
  for (const url of ['/sse/', '/sse/events.json', '/sse/inspector.css']) {
    const app = createApp(t)
    app.get(url, async () => 'mine')
    await t.rejects(async () => { await app.register(ssePlugin, { inspector: true }) },
      { code: 'FST_SSE_PATH_TAKEN', message: `The route GET ${url} already exists: give the inspector another path ("inspector") or "prefix"` })
  }

  t.test('by the inspector of another hub', async (t) => {
    const app = createApp(t)
    await app.register(ssePlugin, { inspector: true })
    await t.rejects(async () => {
      await app.register(async (scope) => { await scope.register(ssePlugin, { path: '/other', inspector: true }) })
    }, { code: 'FST_SSE_PATH_TAKEN', message: /GET \/sse\/events\.json/ })
  })
})

t.test('no page of another origin may read the inspector, only the client if `cors` allows that', async (t) => {
  const origin = 'https://other.example.test'
  for (const host of ['never', 'before', 'after']) {
    for (const options of [{}, { cors: { origin: [origin], credentials: true } }]) {
      const app = createApp(t)
      if (host === 'before') await app.register(cors, { origin: '*' })
      await app.register(ssePlugin, { inspector: true, ...options })
      if (host === 'after') await app.register(cors, { origin: '*' })
      for (const url of ['/sse/', '/sse', '/sse/events.json', '/sse/inspector.css']) {
        const { statusCode, headers } = await app.inject({ url, headers: { origin } })
        t.equal(statusCode, url === '/sse' ? 302 : 200)
        t.notOk(headers['access-control-allow-origin'], `${url}, the host's cors ${host}`)
      }
      t.ok((await app.inject({ url: '/sse/client.js', headers: { origin } })).headers['access-control-allow-origin'])
    }
  }
})

t.test('responses of the inspector have their own content security policy, unless the application sets one', async (t) => {
  const policyOf = async (app: FastifyInstance, url: string) => (await app.inject(url)).headers['content-security-policy']
  const URLS = ['/sse/', '/sse/events.json', '/sse/inspector.css']

  t.test('by default', async (t) => {
    const app = await register(t)
    for (const url of URLS) t.equal(await policyOf(app, url), POLICY)
  })

  t.test('in a hook', async (t) => {
    const app = createApp(t)
    app.addHook('onRequest', async (_request, reply) => { reply.header('content-security-policy', "default-src 'none'") })
    await app.register(ssePlugin, { inspector: true })
    for (const url of URLS) t.equal(await policyOf(app, url), "default-src 'none'")
  })

  for (const order of ['before', 'after']) {
    t.test(`with @fastify/helmet, registered ${order}`, async (t) => {
      const app = createApp(t)
      if (order === 'before') await app.register(helmet)
      await app.register(ssePlugin, { inspector: true })
      if (order === 'after') await app.register(helmet)
      for (const url of URLS) t.match(await policyOf(app, url), /^default-src 'self';base-uri 'self'/)
    })
  }
})

t.test('events.json', async (t) => {
  const read = async (app: FastifyInstance, url = '/sse/events.json') => (await app.inject(url)).json()

  t.test('describes the declared events of both TypeBox packages, as readers get them', async (t) => {
    const day = Type.Transform(Type.String({ format: 'date' })).Decode((text) => new Date(text)).Encode((date) => date.toISOString().slice(0, 10))
    const events = defineEvents({
      message: Type.String(),
      'order.updated': Type.Object({ id: Type.String(), total: Type.Optional(Type.Number({ minimum: 0 })), day }),
      typing: { schema: Type.Literal('yes'), ephemeral: true },
      'cursor.moved': { schema: Next.Object({ who: Next.String(), '~x': Next.Optional(Next.Number()) }), latestBy: ({ who }) => who }
    })
    const app = await register(t, { events: [events, { huge: Type.BigInt({ minimum: 1n }) }] })
    const answer = await app.inject('/sse/events.json')
    t.match(answer.headers, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-cache' })
    t.strictSame(answer.json(), {
      stream: '/events',
      events: [
        { event: 'message', schema: { type: 'string' }, text: true, ephemeral: false, latestBy: false },
        {
          event: 'order.updated',
          schema: {
            type: 'object',
            required: ['id', 'day'],
            properties: { id: { type: 'string' }, total: { minimum: 0, type: 'number' }, day: { format: 'date', type: 'string' } }
          },
          text: false,
          ephemeral: false,
          latestBy: false
        },
        { event: 'typing', schema: { const: 'yes', type: 'string' }, text: true, ephemeral: true, latestBy: false },
        {
          event: 'cursor.moved',
          schema: { type: 'object', required: ['who'], properties: { who: { type: 'string' }, '~x': { type: 'number' } } },
          text: false,
          ephemeral: false,
          latestBy: true
        },
        { event: 'huge', schema: { minimum: '1', type: 'bigint' }, text: false, ephemeral: false, latestBy: false }
      ]
    })
  })

  t.test('holds null without declarations, and an empty list for an empty declaration', async (t) => {
    t.strictSame(await read(await register(t)), { stream: '/events', events: null })
    t.strictSame(await read(await register(t, { events: {} })), { stream: '/events', events: [] })
  })

  t.test('holds the full path of the stream, or null without a stream route', async (t) => {
    t.equal((await read(await register(t, { path: '/live' }))).stream, '/live')
    t.equal((await read(await register(t, { prefix: '/api', path: '/live' }, '/shop'), '/shop/api/sse/events.json')).stream, '/shop/api/live')
    t.equal((await read(await register(t, {}, '/shop/'), '/shop/sse/events.json')).stream, '/shop/events')
    t.equal((await read(await register(t, { path: false }))).stream, null)
  })

  t.test('answers HEAD, and a known ETag with 304', async (t) => {
    const app = await register(t)
    const { headers } = await app.inject({ method: 'HEAD', url: '/sse/events.json' })
    t.equal((await app.inject({ url: '/sse/events.json', headers: { 'if-none-match': String(headers.etag) } })).statusCode, 304)
    const other = await register(t, { path: '/live' })
    t.not((await other.inject('/sse/events.json')).headers.etag, headers.etag)
  })
})
