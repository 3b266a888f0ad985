import { fileURLToPath } from 'node:url'
import { Type } from '@sinclair/typebox'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { defineEvents, type SsePluginOptions } from '../../plugin.ts'
import { openStream, type EventStream } from '../../testing/index.ts'
import { turn, until } from '../flows/raw-reader.ts'

interface LogLine { readonly level: number, readonly msg: string, readonly err?: { readonly code?: string, readonly message: string, readonly stack: string } }

const ERROR = 50

function createApp (t: Test): { app: FastifyInstance, logged: LogLine[] } {
  const logged: LogLine[] = []
  const app = Fastify({
    logger: { level: 'info', stream: { write: (line: string) => { logged.push(JSON.parse(line)) } } }
  }) as FastifyInstance
  t.after(() => app.close())
  return { app, logged }
}

/** Opens a stream within the process, and closes it after the test. */
async function open (t: Test, app: FastifyInstance, url: string): Promise<EventStream> {
  const stream = await openStream(app, url)
  t.after(() => stream.close())
  await stream.next('sse.open')
  return stream
}

const errorsOf = (logged: readonly LogLine[]): LogLine[] => logged.filter(({ level }) => level >= ERROR)

t.test('the plugin without options broadcasts any event with any payload', async (t) => {
  const { app, logged } = createApp(t)
  await app.register(ssePlugin)
  const stream = await open(t, app, '/events')
  const { id } = await app.sse.broadcast('anything', { at: [1, null, 'x'] })
  t.match(await stream.next('anything'), { event: 'anything', data: { at: [1, null, 'x'] }, id })
  t.equal(app.sse.count(), 1)
  t.equal(logged.filter(({ msg }) => msg.includes('pages of any origin may read /events')).length, 1)
})

t.test('the plugin uses the path and accepts only the events of its options', async (t) => {
  const { app } = createApp(t)
  const events = defineEvents({ tick: Type.Integer() })
  await app.register(ssePlugin, { events, path: '/live' })
  const stream = await open(t, app, '/live')
  await app.sse.of(events).broadcast('tick', 1)
  t.equal((await stream.next('tick')).data, 1)
  await t.rejects(app.sse.broadcast('tock', 1), { code: 'FST_SSE_EVENT_UNKNOWN' })
  t.equal((await app.inject('/events')).statusCode, 404)
})

t.test('a registration is refused with a code', async (t) => {
  const refused: Array<[title: string, code: string, message: RegExp, register: (app: FastifyInstance) => PromiseLike<unknown>]> = [
    ['if the scope has a registration already', 'FST_SSE_DECORATOR_TAKEN', /of this plugin: register it once here/, async (app) => {
      await app.register(ssePlugin)
      await app.register(ssePlugin, { path: '/other' })
    }],
    ['if another plugin has decorated `sse`', 'FST_SSE_DECORATOR_TAKEN', /"sse"/, async (app) => {
      app.decorate('sse' as never, {} as never)
      await app.register(ssePlugin)
    }],
    ['if the path is taken', 'FST_SSE_PATH_TAKEN', /GET \/events/, async (app) => {
      app.get('/events', async () => 'mine')
      await app.register(ssePlugin)
    }],
    ['if the path is taken below a prefix', 'FST_SSE_PATH_TAKEN', /GET \/live\/events/, async (app) => {
      app.get('/live/events', async () => 'mine')
      await app.register(ssePlugin, { prefix: '/live' })
    }],
    ['if the path is taken below the prefix of its scope', 'FST_SSE_PATH_TAKEN', /GET \/live\/events/, async (app) => {
      app.get('/live/events', async () => 'mine')
      await app.register(async (scope) => { await scope.register(ssePlugin) }, { prefix: '/live' })
    }],
    ['if only HEAD is taken', 'FST_SSE_PATH_TAKEN', /HEAD \/events/, async (app) => {
      app.head('/events', async () => 'mine')
      await app.register(ssePlugin)
    }],
    ['if only OPTIONS is taken', 'FST_SSE_PATH_TAKEN', /OPTIONS \/events already exists: give the event stream another "path" or "prefix"/, async (app) => {
      app.options('/events', async () => 'mine')
      await app.register(ssePlugin)
    }],
    ['if only OPTIONS is taken, and the @fastify/cors of the application does not use our options', 'FST_SSE_PATH_TAKEN', /OPTIONS \/events/, async (app) => {
      await app.register(cors)
      app.options('/events', async () => 'mine')
      await app.register(ssePlugin, { cors: { origin: ['https://a.test'] } })
    }],
    ['if only OPTIONS is taken at a file of the client', 'FST_SSE_PATH_TAKEN', /OPTIONS \/sse\/sharing\.js already exists: give the browser client/, async (app) => {
      app.options('/sse/sharing.js', async () => 'mine')
      await app.register(ssePlugin)
    }],
    ['if an option is unknown', 'FST_SSE_OPTION_UNKNOWN', /"pat"/, (app) => app.register(ssePlugin, { pat: '/events' } as never)],
    ['if the broker is none', 'FST_SSE_OPTION_INVALID', /"broker".*true/, (app) => app.register(ssePlugin, { broker: true } as never)],
    ['if a value is invalid', 'FST_SSE_OPTION_INVALID', /"path".*'events'/, (app) => app.register(ssePlugin, { path: 'events' })]
  ]
  for (const [title, code, message, register] of refused) {
    t.test(title, async (t) => {
      const { app } = createApp(t)
      await t.rejects(async () => { await register(app) }, { code, message })
    })
  }

  t.test('at `ready` if it is not awaited', async (t) => {
    const { app } = createApp(t)
    void app.register(ssePlugin)
    void app.register(ssePlugin)
    await t.rejects(async () => { await app.ready() }, { code: 'FST_SSE_DECORATOR_TAKEN' })
  })

  t.test('a later route of the application at a URL of the plugin is refused with the option to change', async (t) => {
    const { app } = createApp(t)
    await app.register(ssePlugin, { inspector: true, client: '/client.js' })
    for (const [method, url, advice] of [
      ['GET', '/events', 'the event stream another "path"'],
      ['HEAD', '/events', 'the event stream another "path"'],
      ['OPTIONS', '/events', 'the event stream another "path"'],
      ['OPTIONS', '/client.js', 'the browser client another URL ("client")'],
      ['GET', '/sse/', 'the inspector another path ("inspector")']
    ] as const) {
      t.throws(() => app.route({ method, url, handler: async () => 'mine' }), { code: 'FST_SSE_PATH_TAKEN', message: `The route ${method} ${url} already exists: give ${advice}` })
    }
    t.throws(() => app.all('/events', async () => 'mine'), { code: 'FST_SSE_PATH_TAKEN' })
    await t.rejects(async () => {
      await app.register(async (scope) => { scope.get('/', async () => 'mine') }, { prefix: '/events' })
    }, { code: 'FST_SSE_PATH_TAKEN' }, 'a route in a scope')
  })
})

t.test('routes of the application keep their handlers beside those of the plugin', async (t) => {
  for (const order of ['before', 'after']) {
    for (const [title, options, hasOwnCors] of [['cors: false', { cors: false }, false], ['an @fastify/cors of the application', {}, true]] as const) {
      t.test(`OPTIONS at the stream's URL, declared ${order}, with ${title}`, async (t) => {
        const { app } = createApp(t)
        if (hasOwnCors) await app.register(cors, { strictPreflight: false, preflightContinue: true })
        if (order === 'after') await app.register(ssePlugin, { ...options, inspector: true })
        for (const url of ['/events', '/sse/client.js', '/sse/']) app.options(url, async () => 'mine')
        if (order === 'before') await app.register(ssePlugin, { ...options, inspector: true })
        for (const url of ['/events', '/sse/client.js', '/sse/']) t.equal((await app.inject({ method: 'OPTIONS', url })).body, 'mine', url)
        await open(t, app, '/events')
      })
    }
  }

  t.test('OPTIONS at the inspector, which has no CORS', async (t) => {
    const { app } = createApp(t)
    app.options('/sse/', async () => 'mine')
    await app.register(ssePlugin, { inspector: true })
    t.equal((await app.inject({ method: 'OPTIONS', url: '/sse/' })).body, 'mine')
  })

  t.test('POST at the stream\'s URL, and GET for another host', async (t) => {
    const { app } = createApp(t)
    await app.register(ssePlugin)
    app.post('/events', async () => 'posted')
    app.get('/events', { constraints: { host: 'other.test' } }, async () => 'other')
    t.equal((await app.inject({ method: 'POST', url: '/events' })).body, 'posted')
    t.equal((await app.inject({ url: '/events', headers: { host: 'other.test' } })).body, 'other')
  })
})

t.test('`prefix` precedes the path', async (t) => {
  const { app } = createApp(t)
  await app.register(ssePlugin, { prefix: '/live', path: '/stream' })
  await open(t, app, '/live/stream')
  t.equal((await app.inject('/stream')).statusCode, 404)
})

t.test('`path: false` adds no stream route, and routes of the application still open streams', async (t) => {
  const { app, logged } = createApp(t)
  await app.register(ssePlugin, { path: false })
  app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) })
  const stream = await open(t, app, '/own')
  await app.sse.broadcast('message', 'x')
  t.equal((await stream.next('message')).data, 'x')
  t.equal((await app.inject('/events')).statusCode, 404)
  t.notOk(logged.some(({ msg }) => msg.includes('any origin')))
})

t.test('registrations in two scopes have separate hubs', async (t) => {
  const { app } = createApp(t)
  const scopes: FastifyInstance[] = []
  for (const [prefix, event] of [['/a', 'of.a'], ['/b', 'of.b']] as const) {
    await app.register(async (scope) => {
      await scope.register(ssePlugin, { events: { [event]: Type.String() } })
      scopes.push(scope)
    }, { prefix })
  }
  const [a, b] = scopes as [FastifyInstance, FastifyInstance]
  const [ofA, alsoOfA, ofB] = [await open(t, app, '/a/events'), await open(t, app, '/a/events'), await open(t, app, '/b/events')]
  t.strictSame([a.sse.count(), b.sse.count()], [2, 1])
  t.notOk(app.hasDecorator('sse'))
  await a.sse.broadcast('of.a', 'one')
  await b.sse.broadcast('of.b', 'two')
  t.equal((await ofA.next()).data, 'one')
  t.equal((await alsoOfA.next()).data, 'one')
  t.equal((await ofB.next()).data, 'two')
  await t.rejects(a.sse.broadcast('of.b', 'two'), { code: 'FST_SSE_EVENT_UNKNOWN' })
  t.not(a.sse.lastEventId, b.sse.lastEventId)
  await ofB.close()
  await until(() => b.sse.count() === 0)
  t.equal(a.sse.count(), 2)
  await app.close()
  t.equal(a.sse.count(), 0)
})

t.test('a scope may have its own hub besides the hub of its parent', async (t) => {
  const { app } = createApp(t)
  await app.register(ssePlugin)
  let child!: FastifyInstance
  await app.register(async (scope) => {
    t.equal(scope.sse, app.sse)
    await scope.register(ssePlugin)
    t.not(scope.sse, app.sse)
    child = scope
  }, { prefix: '/child' })
  const [ofParent, ofChild] = [await open(t, app, '/events'), await open(t, app, '/child/events')]
  void app.sse.broadcast('message', 'parent')
  void child.sse.broadcast('message', 'child')
  t.equal((await ofParent.next()).data, 'parent')
  t.equal((await ofChild.next()).data, 'child')
  t.strictSame([app.sse.count(), child.sse.count()], [1, 1])
})

t.test('the decorator `sse` exists', async (t) => {
  t.test('after `await register`', async (t) => {
    const { app } = createApp(t)
    await app.register(ssePlugin)
    t.ok(app.sse)
  })

  t.test('in a later plugin and after `ready` if the registration is not awaited', async (t) => {
    const { app } = createApp(t)
    void app.register(ssePlugin)
    let seen: unknown
    void app.register(async (scope) => { seen = scope.sse })
    await app.ready()
    t.ok(app.sse)
    t.equal(seen, app.sse)
    await open(t, app, '/events')
  })

  t.test('for the whole application if a plugin without encapsulation registers it', async (t) => {
    const { app } = createApp(t)
    await app.register(Object.assign(async (scope: FastifyInstance) => { await scope.register(ssePlugin) }, { [Symbol.for('skip-override')]: true }))
    t.ok(app.sse)
  })
})

t.test('a failing broadcast', async (t) => {
  const events = defineEvents({ tick: Type.Integer() })
  const circle: { self?: unknown } = {}
  circle.self = circle
  const failing: Array<[code: string, event: string, payload: unknown, options: SsePluginOptions]> = [
    ['FST_SSE_EVENT_UNKNOWN', 'tock', 1, { events }],
    ['FST_SSE_PAYLOAD_INVALID', 'tick', 'one', { events }],
    ['FST_SSE_PAYLOAD_NOT_ENCODABLE', 'any', circle, {}],
    ['FST_SSE_PAYLOAD_TOO_LARGE', 'any', 'x'.repeat(100), { maxPayloadBytes: 50 }]
  ]
  for (const [code, event, payload, { prefix: _, ...options }] of failing) {
    t.test(`with ${code} that is not awaited causes no unhandled rejection and is logged once at level error with its caller`, async (t) => {
      const { app, logged } = createApp(t)
      await app.register(ssePlugin, options)
      const unhandled: unknown[] = []
      const onUnhandled = (error: unknown): void => { unhandled.push(error) }
      process.on('unhandledRejection', onUnhandled)
      t.after(() => process.off('unhandledRejection', onUnhandled))
      function theCaller (): void { void app.sse.broadcast(event, payload) }
      theCaller()
      await turn()
      await turn()
      t.strictSame(unhandled, [])
      const errors = errorsOf(logged)
      t.equal(errors.length, 1)
      t.equal(errors[0]!.level, ERROR)
      t.equal(errors[0]!.err?.code, code)
      t.match(errors[0]!.err?.stack, 'theCaller')
      t.match(errors[0]!.err?.stack, fileURLToPath(import.meta.url))
      t.equal(app.sse.stats().failedBroadcasts, 1)
    })

    t.test(`with ${code} that is awaited rejects and is logged once`, async (t) => {
      const { app, logged } = createApp(t)
      await app.register(ssePlugin, options)
      await t.rejects(app.sse.broadcast(event, payload), { code })
      t.equal(errorsOf(logged).length, 1)
    })
  }
})

t.test('a callback that', async (t) => {
  const callbacks: Array<[how: string, callback: () => void | Promise<void>]> = [
    ['throws', () => { throw new Error('of the callback') }],
    ['rejects', async () => { throw new Error('of the callback') }]
  ]
  for (const [how, callback] of callbacks) {
    for (const option of ['onSubscribe', 'onClose'] as const) {
      t.test(`${how} as \`${option}\` is logged once for each stream, and events still arrive`, async (t) => {
        const { app, logged } = createApp(t)
        await app.register(ssePlugin, { [option]: callback })
        const first = await open(t, app, '/events')
        const second = await open(t, app, '/events')
        void app.sse.broadcast('message', 'x')
        t.equal((await first.next()).data, 'x')
        t.equal((await second.next()).data, 'x')
        t.equal(app.sse.count(), 2)
        await first.close()
        await second.close()
        await until(() => app.sse.count() === 0)
        await turn()
        const errors = errorsOf(logged).filter(({ msg }) => msg !== 'request errored')
        t.equal(errors.length, 2)
        for (const { err, msg } of errors) {
          t.equal(err?.message, 'of the callback')
          t.match(msg, option)
        }
      })
    }
  }
})
