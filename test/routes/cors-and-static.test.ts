import { join } from 'node:path'
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import fastifyStatic from '@fastify/static'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { type SsePluginOptions } from '../../plugin.ts'
import { listen, RawReader, type RawAnswer } from '../flows/raw-reader.ts'

type Options = Omit<SsePluginOptions, 'prefix'>

const GOOD = 'https://good.example.test'
const HOST = 'https://host.example.test'
const EVIL = 'https://evil.test'

const hostCors: FastifyCorsOptions = { origin: [HOST], methods: 'GET,PUT', maxAge: 60, allowedHeaders: 'x-host' }

interface Setup {
  /** When the host registers @fastify/cors, relative to the plugin. */
  readonly host: 'never' | 'before' | 'after'
  /** True when the plugin is registered in a scope with a prefix. */
  readonly scoped: boolean
  /** The options of the plugin; undefined for an application without it. */
  readonly options: Options | undefined
}

async function createApp ({ host, scoped, options }: Setup): Promise<FastifyInstance> {
  const app = Fastify()
  if (host === 'before') await app.register(cors, hostCors)
  if (options !== undefined && scoped) {
    await app.register(async (scope) => { await scope.register(ssePlugin, options) }, { prefix: '/live' })
  } else if (options !== undefined) await app.register(ssePlugin, options)
  if (host === 'after') await app.register(cors, hostCors)
  for (const url of ['/', '/events-other', '/events/sub', '/live', '/live/events/sub', '/live/events-other', '/eventsource']) app.get(url, async () => url)
  return app
}

/** Sends a request; waits for the complete response, or for the opening of a stream. */
async function ask (t: Test, port: number, request: string): Promise<RawAnswer> {
  const reader = await RawReader.connect(t, port)
  await reader.ask(request).sees(({ answers: [answer] }) => answer?.complete === true || answer?.body.includes('sse.open') === true)
  reader.socket.destroy()
  return reader.answers[0]!
}

/** Sends requests on one connection; waits for all responses. None of them is a stream. */
async function askAll (t: Test, port: number, requests: readonly string[]): Promise<RawAnswer[]> {
  const reader = await RawReader.connect(t, port)
  await reader.ask(...requests).sees(({ answers }) => answers.length === requests.length && answers.at(-1)!.complete)
  reader.socket.destroy()
  return reader.answers
}

const preflight = (url: string, origin: string): string =>
  `OPTIONS ${url}\norigin: ${origin}\naccess-control-request-method: GET\naccess-control-request-headers: last-event-id`

const OURS: Array<[title: string, options: Options]> = [
  ['default', {}],
  ['a list with credentials', { cors: { origin: [GOOD], credentials: true } }],
  ['a function', { cors: { origin: (origin, done) => done(null, origin === GOOD) } }],
  ['false', { cors: false }]
]

const OTHERS = ['/', '/events-other', '/events/sub', '/live', '/live/events/sub', '/live/events-other', '/eventsource', '/nothing', '/live/nothing',
  '/sse', '/sse/', '/sse/client', '/live/sse/', '/live/sse/client.jsx'].flatMap((other) => [
  `GET ${other}`, `GET ${other}\norigin: ${GOOD}`, `GET ${other}\norigin: ${HOST}`, `HEAD ${other}\norigin: ${HOST}`,
  `OPTIONS ${other}`, preflight(other, GOOD), preflight(other, HOST)
])

/** The responses of an application to requests for other routes than those of the plugin, by request, without their dates. */
async function answersToOthers (t: Test, setup: Setup): Promise<Record<string, object>> {
  const answers = await askAll(t, await listen(t, await createApp(setup)), OTHERS)
  return Object.fromEntries(answers.map(({ headers: { date: _, ...headers }, ...answer }, index) => [OTHERS[index]!, { ...answer, headers }]))
}

// Responses to a preflight: the status, and the methods, headers and age that they allow.
const BY_PLUGIN = [204, ['GET,HEAD'], ['last-event-id'], undefined]
const BY_HOST = [204, ['GET,PUT'], ['x-host'], ['60']]
const IGNORED = [404, undefined, undefined, undefined]

for (const host of ['never', 'before', 'after'] as const) {
  let withoutPlugin: Record<string, object> | undefined
  for (const scoped of [false, true]) {
    const where = scoped ? 'in a scope with a prefix' : 'at the root'
    const scope = scoped ? '/live' : ''
    for (const [title, options] of OURS) {
      t.test(`\`cors\` ${title}, ${where}, with the host's @fastify/cors ${host === 'never' ? 'absent' : host}`, async (t) => {
        const isDefault = options.cors === undefined
        const isOff = options.cors === false
        const port = await listen(t, await createApp({ host, scoped, options }))

        /** The single origin that a response to this origin allows. */
        const allowed = (origin: string): string[] | undefined => {
          if (isOff) return undefined
          if (isDefault && host === 'never') return ['*']
          return origin === (isDefault ? HOST : GOOD) ? [origin] : undefined
        }

        t.test('the stream, the client and their preflights allow the expected origin and no other', async (t) => {
          const origins = [GOOD, HOST, EVIL, 'null', `${GOOD}.evil.test`, `https://evil.test/${GOOD}`, GOOD.replace('https', 'http'), `${GOOD}:8443`]
          const from = (path: string): Array<[url: string, origin: string]> => origins.map((origin) => [scope + path, origin])
          const [streams, scripts] = [from('/events'), [...from('/sse/client.js'), ...from('/sse/sharing.js')]]
          const all = [...streams, ...scripts]
          const get = ([url, origin]: [string, string]): string => `GET ${url}\norigin: ${origin}`
          const answers = [...await Promise.all(streams.map((one) => ask(t, port, get(one)))), ...await askAll(t, port, scripts.map(get))]
          const preflights = isOff ? [] : await askAll(t, port, all.map(([url, origin]) => preflight(url, origin)))

          const withCredentials = options.cors !== false && options.cors?.credentials === true
          for (const [index, [url, origin]] of all.entries()) {
            const { status, headers } = answers[index]!
            t.strictSame([status, headers['access-control-allow-origin'], headers['access-control-allow-credentials']],
              [200, allowed(origin), withCredentials ? ['true'] : undefined], `GET ${url} from ${origin}`)
            if (allowed(origin)?.[0] !== '*' && !isOff) t.match(String(headers.vary), 'Origin')
            if (isOff) continue
            const before = preflights[index]!
            const told = ['allow-methods', 'allow-headers', 'max-age'].map((what) => before.headers[`access-control-${what}`])
            // @fastify/cors ignores a preflight that a function refuses.
            const expected = title === 'a function' && origin !== GOOD ? IGNORED : isDefault && host !== 'never' ? BY_HOST : BY_PLUGIN
            t.strictSame([before.status, ...told], expected, `preflight of ${url} from ${origin}`)
            t.strictSame(before.headers['access-control-allow-origin'], allowed(origin))
          }
        })

        t.test('no other route of the host changes', async (t) => {
          withoutPlugin ??= await answersToOthers(t, { host, scoped: false, options: undefined })
          t.strictSame(await answersToOthers(t, { host, scoped, options }), withoutPlugin)
        })
      })
    }
  }
}

t.test('an application route with `subscribe` gets no CORS headers of the plugin', async (t) => {
  const app = await createApp({ host: 'never', scoped: false, options: {} })
  app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) })
  const answer = await ask(t, await listen(t, app), `GET /own\norigin: ${GOOD}`)
  t.equal(answer.status, 200)
  t.notOk(answer.headers['access-control-allow-origin'])
})

t.test('a refusal by a hook has the CORS headers that let pages of other origins see it', async (t) => {
  const app = await createApp({ host: 'never', scoped: false, options: { route: { preHandler: async (_request, reply) => reply.code(401).send('no') } } })
  const answer = await ask(t, await listen(t, app), `GET /events\norigin: ${GOOD}`)
  t.equal(answer.status, 401)
  t.strictSame(answer.headers['access-control-allow-origin'], ['*'])
})

t.test('pages of other origins can read `Retry-After`', async (t) => {
  const exposed: Array<[title: string, options: Options, expected: string[] | undefined]> = [
    ['by default', {}, ['retry-after']],
    ['in addition to headers of the application', { cors: { origin: '*', exposedHeaders: ['x-own', 'x-other'] } }, ['x-own, x-other, retry-after']],
    ['not from an origin that may not read the response', { cors: { origin: [HOST] } }, undefined]
  ]
  for (const [title, options, expected] of exposed) {
    const app = await createApp({ host: 'never', scoped: false, options: { ...options, maxSubscribers: 0, overload: 'reject' } })
    const answer = await ask(t, await listen(t, app), `GET /events\norigin: ${GOOD}`)
    t.equal(answer.status, 503)
    t.ok(answer.headers['retry-after'])
    if (expected !== undefined) t.strictSame(answer.headers['access-control-expose-headers'], expected, title)
    else t.notMatch(String(answer.headers['access-control-expose-headers']), 'retry-after', title)
  }
})

t.test('any origin together with credentials is refused at registration', async (t) => {
  for (const origin of ['*', true, ['*'], [GOOD, '*'], undefined]) {
    t.test(JSON.stringify(origin) ?? 'by default', async (t) => {
      const app = Fastify()
      const options = { cors: { credentials: true, ...(origin === undefined ? {} : { origin }) } }
      await t.rejects(async () => { await app.register(ssePlugin, options) }, { code: 'FST_SSE_OPTION_INVALID', message: /cors\.origin/ })
    })
  }
})

t.test('`static`', async (t) => {
  const root = t.testdir({ ours: { 'index.html': '<p>ours', 'page.js': 'export {}' }, host: { 'host.html': '<p>host' } })
  const pages = join(root, 'ours')
  const hostPages = join(root, 'host')

  t.test('serves its directory below its prefix, without CORS', async (t) => {
    const app = Fastify()
    await app.register(ssePlugin, { static: { root: pages, prefix: '/pages/' } })
    const port = await listen(t, app)
    for (const [url, type, body] of [['/pages/', 'text/html', '<p>ours'], ['/pages/page.js', /javascript/, 'export {}']] as const) {
      const answer = await ask(t, port, `GET ${url}\norigin: ${GOOD}`)
      t.equal(answer.status, 200)
      t.match(answer.headers['content-type']?.[0], type)
      t.equal(answer.body, body)
      t.notOk(answer.headers['access-control-allow-origin'])
      t.not((await ask(t, port, preflight(url, GOOD))).headers['access-control-allow-origin']?.[0], '*')
    }
    t.equal((await ask(t, port, 'GET /pages/none.html')).status, 404)
    t.equal((await ask(t, port, 'GET /pages/..%2f..%2fpackage.json')).status, 404)
    t.equal((await ask(t, port, `GET /events\norigin: ${GOOD}`)).status, 200)
  })

  t.test('serves at the root by default, next to the stream', async (t) => {
    const app = Fastify()
    await app.register(ssePlugin, { static: { root: pages } })
    const port = await listen(t, app)
    t.equal((await ask(t, port, 'GET /')).body, '<p>ours')
    t.match((await ask(t, port, 'GET /events')).body, 'sse.open')
  })

  t.test('serves below the prefix of `register`', async (t) => {
    const app = Fastify()
    await app.register(ssePlugin, { prefix: '/live', static: { root: pages, prefix: '/pages/' } })
    const port = await listen(t, app)
    t.equal((await ask(t, port, 'GET /live/pages/')).body, '<p>ours')
    t.match((await ask(t, port, 'GET /live/events')).body, 'sse.open')
  })

  t.test('serves below the prefix of a scope', async (t) => {
    const app = Fastify()
    await app.register(async (scope) => { await scope.register(ssePlugin, { static: { root: pages, prefix: '/pages/' } }) }, { prefix: '/live' })
    const port = await listen(t, app)
    t.equal((await ask(t, port, 'GET /live/pages/')).body, '<p>ours')
  })

  for (const order of ['before', 'after']) {
    t.test(`leaves the host's own @fastify/static, registered ${order}, and its reply.sendFile unchanged`, async (t) => {
      const app = Fastify()
      const ours = async (): Promise<void> => { await app.register(ssePlugin, { static: { root: pages, prefix: '/pages/' } }) }
      const host = async (): Promise<void> => { await app.register(fastifyStatic, { root: hostPages, prefix: '/host/' }) }
      for (const register of order === 'before' ? [host, ours] : [ours, host]) await register()
      app.get('/sent', (_request, reply) => reply.sendFile('host.html'))
      const port = await listen(t, app)
      t.equal((await ask(t, port, 'GET /sent')).body, '<p>host')
      t.equal((await ask(t, port, 'GET /host/host.html')).body, '<p>host')
      t.equal((await ask(t, port, 'GET /pages/')).body, '<p>ours')
      t.equal((await ask(t, port, 'GET /pages/host.html')).status, 404)
    })
  }

  t.test('adds no reply decorator if the host has no @fastify/static', async (t) => {
    const app = Fastify()
    await app.register(ssePlugin, { static: { root: pages, prefix: '/pages/' } })
    t.notOk(app.hasReplyDecorator('sendFile'))
  })
})
