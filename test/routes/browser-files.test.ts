import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Type } from '@sinclair/typebox'
import compress from '@fastify/compress'
import helmet from '@fastify/helmet'
import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { defineEvents, type SsePluginOptions } from '../../plugin.ts'
import { openStream } from '../../testing/index.ts'

const BUILT = resolve(import.meta.dirname, '../../browser')
const MODULES = ['client.js', 'fetch-transport.js', 'refusals.js', 'sharing.js']
const FILES = MODULES.flatMap((name) => [name, `${name}.map`])

function createApp (t: Test, options = {}): FastifyInstance {
  const app = Fastify(options)
  t.after(() => app.close())
  return app
}

const statusOf = async (app: FastifyInstance, url: string): Promise<number> => (await app.inject(url)).statusCode

t.test('the browser client, the modules that it loads, and their source maps are served at /sse/ as they were built', async (t) => {
  const app = createApp(t)
  await app.register(ssePlugin)
  for (const name of FILES) {
    const { statusCode, headers, body } = await app.inject(`/sse/${name}`)
    t.equal(statusCode, 200, name)
    t.equal(body, readFileSync(join(BUILT, name), 'utf8'))
    t.match(headers, {
      'content-type': name.endsWith('.map') ? 'application/json; charset=utf-8' : 'text/javascript; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-cache',
      'access-control-allow-origin': '*',
      etag: /^W\/"[\w-]{16}"$/
    })
  }
})

t.test('each file has its own ETag', async (t) => {
  const app = createApp(t)
  await app.register(ssePlugin)
  const tags = await Promise.all(FILES.map(async (name) => (await app.inject(`/sse/${name}`)).headers.etag))
  t.equal(new Set(tags).size, FILES.length)
})

t.test('a request with a known ETag gets 304, even if a proxy has changed the form of the ETag', async (t) => {
  const app = createApp(t)
  await app.register(ssePlugin)
  const ask = (known: string, method: 'GET' | 'HEAD' = 'GET') => app.inject({ method, url: '/sse/client.js', headers: { 'if-none-match': known } })
  const etag = String((await app.inject('/sse/client.js')).headers.etag)
  for (const known of [etag, etag.slice(2), '*', `"other", ${etag}`, `${etag.slice(2)} , W/"other"`]) {
    const { statusCode, headers, body } = await ask(known)
    t.strictSame([statusCode, body], [304, ''], known)
    t.match(headers, { etag, 'cache-control': 'no-cache', 'access-control-allow-origin': '*' })
  }
  t.equal((await ask(etag, 'HEAD')).statusCode, 304)
  for (const unknown of ['"other"', etag.slice(0, -2), '']) t.equal((await ask(unknown)).statusCode, 200, unknown)
})

t.test('HEAD gets the head of GET without the body', async (t) => {
  const app = createApp(t)
  await app.register(ssePlugin)
  for (const name of FILES) {
    const [get, head] = [await app.inject(`/sse/${name}`), await app.inject({ method: 'HEAD', url: `/sse/${name}` })]
    t.strictSame([head.statusCode, head.body], [200, ''])
    for (const header of ['content-type', 'content-length', 'etag', 'cache-control']) t.equal(head.headers[header], get.headers[header], header)
  }
})

t.test('`client` is the URL of the module, and the modules that it loads are served next to it', async (t) => {
  const places: Array<[options: SsePluginOptions, scope: string, url: string]> = [
    [{ client: '/live.js' }, '', '/live.js'],
    [{ client: '/assets/live.js' }, '', '/assets/live.js'],
    [{ prefix: '/api' }, '', '/api/sse/client.js'],
    [{ prefix: '/api', client: '/live.js' }, '', '/api/live.js'],
    [{ client: '/a/live.js' }, '/shop', '/shop/a/live.js'],
    [{ client: '/a/live.js' }, '/shop/', '/shop/a/live.js']
  ]
  for (const [options, scope, url] of places) {
    const app = createApp(t)
    await app.register(async (inner) => { await inner.register(ssePlugin, options) }, { prefix: scope })
    t.equal((await app.inject(url)).body, readFileSync(join(BUILT, 'client.js'), 'utf8'), url)
    for (const name of FILES.slice(1)) t.equal(await statusOf(app, url.replace(/[^/]+$/, name)), 200, `${name} beside ${url}`)
    t.equal(await statusOf(app, '/sse/client.js'), 404)
  }
})

t.test('`client: false` serves none of the files', async (t) => {
  const app = createApp(t)
  await app.register(ssePlugin, { client: false })
  for (const name of FILES) t.equal(await statusOf(app, `/sse/${name}`), 404, name)
})

t.test('generated documentation of the application\'s API does not show the files', async (t) => {
  const app = createApp(t)
  const shown: string[] = []
  app.addHook('onRoute', ({ url, schema }) => { if ((schema as { hide?: boolean } | undefined)?.hide !== true) shown.push(url) })
  await app.register(ssePlugin, { inspector: true })
  await app.ready()
  t.strictSame(shown, ['/events'])
})

t.test('if several hubs of an application would serve the client at one URL, the first one serves it:', async (t) => {
  const nested: Array<[title: string, register: (app: FastifyInstance) => Promise<unknown>]> = [
    ['a child scope without a prefix', async (app) => {
      await app.register(ssePlugin)
      await app.register(async (scope) => { await scope.register(ssePlugin, { path: '/other' }) })
    }],
    ['two scopes side by side', async (app) => {
      for (const path of ['/one', '/other']) await app.register(async (scope) => { await scope.register(ssePlugin, { path }) })
    }],
    ['a hub whose client is below the prefix of another', async (app) => {
      await app.register(async (scope) => { await scope.register(ssePlugin) }, { prefix: '/a' })
      await app.register(ssePlugin, { client: '/a/sse/client.js' })
    }],
    ['a hub whose client has another name', async (app) => {
      await app.register(ssePlugin)
      await app.register(async (scope) => { await scope.register(ssePlugin, { path: '/other', client: '/sse/other.js' }) })
    }]
  ]
  for (const [title, register] of nested) {
    t.test(title, async (t) => {
      const app = createApp(t)
      await register(app)
      const folder = title.includes('below') ? '/a/sse' : '/sse'
      for (const name of FILES) t.equal(await statusOf(app, `${folder}/${name}`), 200, name)
      if (title.includes('name')) t.equal(await statusOf(app, '/sse/other.js'), 200)
    })
  }
})

t.test('a registration is refused if a URL of the client is taken:', async (t) => {
  for (const name of FILES) {
    t.test(name, async (t) => {
      const app = createApp(t)
      app.get(`/sse/${name}`, async () => 'mine')
      await t.rejects(async () => { await app.register(ssePlugin) },
        { code: 'FST_SSE_PATH_TAKEN', message: `The route GET /sse/${name} already exists: give the browser client another URL ("client") or "prefix", or turn it off` })
    })
  }

  t.test('by a HEAD route alone', async (t) => {
    const app = createApp(t)
    app.head('/sse/client.js', async () => 'mine')
    await t.rejects(async () => { await app.register(ssePlugin) }, { code: 'FST_SSE_PATH_TAKEN', message: /HEAD \/sse\/client\.js/ })
  })

  t.test('below a prefix', async (t) => {
    const app = createApp(t)
    app.get('/a/sse/client.js', async () => 'mine')
    await t.rejects(async () => { await app.register(async (scope) => { await scope.register(ssePlugin) }, { prefix: '/a' }) }, { code: 'FST_SSE_PATH_TAKEN' })
  })

  t.test('by another file of another hub', async (t) => {
    const app = createApp(t)
    await app.register(ssePlugin, { inspector: true })
    await t.rejects(async () => {
      await app.register(async (scope) => { await scope.register(ssePlugin, { path: '/other', client: '/sse/events.json' }) })
    }, { code: 'FST_SSE_PATH_TAKEN', message: /events\.json/ })
  })

  t.test('even if another application has the plugin at that URL', async (t) => {
    await createApp(t).register(ssePlugin)
    const app = createApp(t)
    app.get('/sse/client.js', async () => 'mine')
    await t.rejects(async () => { await app.register(ssePlugin) }, { code: 'FST_SSE_PATH_TAKEN' })
  })
})

t.test('the files are served next to', async (t) => {
  for (const order of ['before', 'after']) {
    t.test(`the host's @fastify/static for all paths, registered ${order}, which serves its own files`, async (t) => {
      const root = t.testdir({ sse: { 'own.js': 'own', 'client.js': 'not ours' } })
      const app = createApp(t)
      const host = async (): Promise<void> => { await app.register(fastifyStatic, { root }) }
      const ours = async (): Promise<void> => { await app.register(ssePlugin) }
      for (const register of order === 'before' ? [host, ours] : [ours, host]) await register()
      t.equal((await app.inject('/sse/own.js')).body, 'own')
      for (const name of FILES) t.equal((await app.inject(`/sse/${name}`)).body, readFileSync(join(BUILT, name), 'utf8'))
    })

    t.test(`@fastify/helmet, registered ${order}, with its headers`, async (t) => {
      const app = createApp(t)
      if (order === 'before') await app.register(helmet)
      await app.register(ssePlugin)
      if (order === 'after') await app.register(helmet)
      const { statusCode, headers } = await app.inject('/sse/client.js')
      t.equal(statusCode, 200)
      t.match(headers, { 'x-content-type-options': 'nosniff', 'access-control-allow-origin': '*', 'content-type': /javascript/ })
    })
  }

  t.test('@fastify/compress, whose readers get 304 for a file that they have', async (t) => {
    const app = createApp(t)
    await app.register(compress)
    await app.register(ssePlugin)
    const headers = { 'accept-encoding': 'gzip' }
    const answer = await app.inject({ url: '/sse/client.js', headers })
    t.equal(answer.headers['content-encoding'], 'gzip')
    t.equal((await app.inject({ url: '/sse/client.js', headers: { ...headers, 'if-none-match': String(answer.headers.etag) } })).statusCode, 304)
  })
})

t.test('`sse.open` states the heartbeats, and which declared events are text', async (t) => {
  const events = defineEvents({ message: Type.String(), order: Type.Object({ id: Type.String() }), level: Type.Union([Type.Literal('low'), Type.Literal('high')]) })
  const streams: Array<[options: SsePluginOptions, query: string, data: object]> = [
    [{}, '', { heartbeatInterval: 15_000, heartbeatEvent: true }],
    [{ heartbeatInterval: false }, '', { heartbeatInterval: false, heartbeatEvent: false }],
    [{ heartbeatEvent: false }, '', { heartbeatInterval: 15_000, heartbeatEvent: false }],
    [{ heartbeatInterval: 20 }, '?lastEventId=strange', { heartbeatInterval: 20, heartbeatEvent: true }],
    [{ events }, '', { heartbeatInterval: 15_000, heartbeatEvent: true, text: ['message', 'level'] }],
    [{ events: [{ order: events.order }] }, '', { heartbeatInterval: 15_000, heartbeatEvent: true, text: [] }]
  ]
  for (const [options, query, data] of streams) {
    const app = createApp(t)
    await app.register(ssePlugin, options)
    const stream = await openStream(app, `/events${query}`)
    t.strictSame((await stream.next('sse.open')).data, data, JSON.stringify(options))
    await stream.close()
  }
})
