import { resolve } from 'node:path'
import t from 'tap'
import { memoryBroker } from '../../lib/broker/memory-broker.ts'
import { readOptions } from '../../lib/options/defaults.ts'
import { type SsePluginOptions } from '../../lib/options/options.ts'

/** Reads options as an untyped application may pass them. */
const read = (options: Record<string, unknown>) => readOptions(options as SsePluginOptions)

t.test('every absent option has its default', async (t) => {
  const { subscribe, onSubscribe, onClose, headers, ...settings } = read({})
  t.match(settings, {
    events: undefined,
    url: '/events',
    route: {},
    client: '/sse/client.js',
    inspector: false,
    static: false,
    cors: { isDefault: true, options: { origin: '*', credentials: false } },
    keepsHistory: true,
    history: { maxEvents: 10_000, maxBytes: 16 * 1024 * 1024, maxAge: Infinity },
    reconnectionTime: { min: 1000, max: 5000 },
    heartbeatInterval: 15_000,
    heartbeatEvent: true,
    plain: false,
    admission: { maxSubscribers: Infinity, maxSubscribersPerKey: Infinity },
    overload: 'retry',
    compress: false,
    limits: {
      timeouts: { heartbeatInterval: 15_000, stallTimeout: 30_000, idleTimeout: Infinity, maxLifetime: Infinity },
      maxBacklogBytes: 256 * 1024,
      closesSlow: false,
      endTimeout: 5000,
      maxChannelsPerSubscriber: 100
    },
    tickInterval: { interval: 15_000 / 16, longestStep: 15_000 / 8 },
    maxPayloadBytes: 1024 * 1024,
    shutdownTimeout: 5000
  })
  t.ok(Object.isFrozen(settings) || Object.isFrozen(read({})))
})

t.test('an option given as undefined has its default', async (t) => {
  t.equal(read({ path: undefined, maxPayloadBytes: undefined }).url, '/events')
})

t.test('options of `register` itself are accepted', async (t) => {
  t.doesNotThrow(() => read({ prefix: '/a', logLevel: 'warn', logSerializers: {} }))
})

t.test('an option of @fastify/static that the plugin sets itself is refused as unknown', async (t) => {
  for (const option of ['decorateReply', 'serve', 'dotFiles']) {
    t.throws(() => read({ static: { root: resolve('.'), [option]: true } }), { code: 'FST_SSE_OPTION_UNKNOWN', message: `"static.${option}" is unknown; valid keys: root, prefix` })
  }
})

t.test('an unknown option is refused with the list of known options', async (t) => {
  t.throws(() => read({ heartBeat: 1 }), { code: 'FST_SSE_OPTION_UNKNOWN', message: /"heartBeat" is unknown; valid keys: events, path/ })
  t.throws(() => read({ skipOverride: true }), { code: 'FST_SSE_OPTION_UNKNOWN', message: /; if @fastify\/autoload or fastify-cli passed it on, register this plugin/ })
  t.throws(() => read({ cors: { orgin: 'https://a.test' } }), { code: 'FST_SSE_OPTION_UNKNOWN', message: /"cors\.orgin"/ })
  t.throws(() => read({ cors: { delegator: () => {} } }), { code: 'FST_SSE_OPTION_UNKNOWN', message: /"cors\.delegator"/ })
  t.throws(() => read({ compress: { threshold: 1 } }), { code: 'FST_SSE_OPTION_UNKNOWN', message: /"compress\.threshold"/ })
  t.throws(() => read({ history: { maxItems: 1 } }), { code: 'FST_SSE_OPTION_UNKNOWN', message: /"history\.maxItems"/ })
})

t.test('a broker is an object with the methods of the contract', async (t) => {
  t.equal(read({ broker: memoryBroker() }).broker.kind, 'memory')
  for (const broker of [true, null, 'redis', {}, { ...memoryBroker() }, () => memoryBroker()]) {
    t.throws(() => read({ broker } as never), { code: 'FST_SSE_OPTION_INVALID', message: /"broker" must be a broker, such as the result of redisBroker\(\)/ })
  }
})

t.test('the clock ticks sixteen times within the shortest timeout, at most every 10 ms and at least every second', async (t) => {
  t.equal(read({ idleTimeout: 1600 }).tickInterval.interval, 100)
  t.equal(read({ maxLifetime: 3200, idleTimeout: 6400 }).tickInterval.interval, 200)
  t.equal(read({ heartbeatInterval: 0 }).tickInterval.interval, 10)
  t.equal(read({ heartbeatInterval: false, stallTimeout: 3_600_000 }).tickInterval.interval, 1000)
  t.equal(read({ heartbeatInterval: false, stallTimeout: false }).tickInterval.interval, 1000)
})

t.test('the longest step of awake time is a quarter of the shortest idle or stall timeout, at most a second and at least two ticks', async (t) => {
  t.equal(read({ heartbeatInterval: 100 }).tickInterval.longestStep, 1000)
  t.equal(read({ heartbeatInterval: 100, idleTimeout: 800 }).tickInterval.longestStep, 200)
  t.equal(read({ stallTimeout: 160 }).tickInterval.longestStep, 40)
  t.equal(read({ stallTimeout: 16 }).tickInterval.longestStep, 20, 'at least two ticks')
})

const WRONG: Array<[option: string, options: Record<string, unknown>]> = [
  ['events', { events: 'message' }],
  ['events', { events: [null] }],
  ['path', { path: 'events' }],
  ['path', { path: true }],
  ['path', { path: null }],
  ['prefix', { prefix: 'api' }],
  ['route', { route: [] }],
  ['route.method', { route: { method: 'POST' } }],
  ['route.handler', { route: { handler: () => {} } }],
  ['subscribe', { subscribe: {} }],
  ['onSubscribe', { onSubscribe: true }],
  ['onClose', { onClose: 1 }],
  ['headers', { headers: { 'x-a': '1' } }],
  ['client', { client: 'client.js' }],
  ['client', { client: true }],
  ['client', { client: '/sse/' }],
  ['client', { client: null }],
  ['client', { client: '/sse/sharing.js' }],
  ['client', { client: '/client.js.map' }],
  ['inspector', { inspector: '/sse' }],
  ['inspector', { inspector: 'sse/' }],
  ['inspector', { inspector: null }],
  ['inspector', { inspector: {} }],
  ['static', { static: '/pages' }],
  ['static.root', { static: { root: './pages' } }],
  ['static.root', { static: {} }],
  ['static.root', { static: { root: [] } }],
  ['static.root', { static: { root: [resolve('.'), './pages'] } }],
  ['static.root', { static: { root: new URL('https://example.test/') } }],
  ['static.prefix', { static: { root: resolve('.'), prefix: 'pages' } }],
  ['static.dotfiles', { static: { root: resolve('.'), dotfiles: true } }],
  ['static.allowedPath', { static: { root: resolve('.'), allowedPath: /page/ } }],
  ['cors', { cors: true }],
  ['cors.credentials', { cors: { credentials: 'true' } }],
  ['cors.origin', { cors: { origin: undefined } }],
  ['cors.origin', { cors: { origin: [true], credentials: true } }],
  ['cors.origin', { cors: { credentials: true } }],
  ['cors.origin', { cors: { origin: '*', credentials: true } }],
  ['cors.origin', { cors: { origin: true, credentials: true } }],
  ['cors.origin', { cors: { origin: ['https://a.test', '*'], credentials: true } }],
  ['history', { history: 10 }],
  ['history', { history: null }],
  ['history.maxEvents', { history: { maxEvents: -1 } }],
  ['history.maxBytes', { history: { maxBytes: 1.5 } }],
  ['history.maxAge', { history: { maxAge: '1h' } }],
  ['reconnectionTime', { reconnectionTime: -1 }],
  ['reconnectionTime', { reconnectionTime: { min: 2, max: 1 } }],
  ['reconnectionTime', { reconnectionTime: Infinity }],
  ['reconnectionTime', { reconnectionTime: '1s' }],
  ['stallTimeout', { stallTimeout: true }],
  ['stallTimeout', { stallTimeout: -1 }],
  ['heartbeatInterval', { heartbeatInterval: '15s' }],
  ['heartbeatInterval', { heartbeatInterval: true }],
  ['plain', { plain: 1 }],
  ['plain', { plain: null }],
  ['plain.end', { plain: {} }],
  ['heartbeatEvent', { heartbeatEvent: 1 }],
  ['heartbeatEvent', { heartbeatEvent: true, heartbeatInterval: false }],
  ['heartbeatEvent', { heartbeatEvent: true, heartbeatInterval: Infinity }],
  ['idleTimeout', { idleTimeout: null }],
  ['maxLifetime', { maxLifetime: 0.5 }],
  ['maxSubscribers', { maxSubscribers: false }],
  ['maxSubscribersPerKey', { maxSubscribersPerKey: -1 }],
  ['keyGenerator', { keyGenerator: 'ip' }],
  ['overload', { overload: 'drop' }],
  ['compress', { compress: 'gzip' }],
  ['compress', { compress: null }],
  ['compress.minBytes', { compress: { minBytes: -1 } }],
  ['compress.minBytes', { compress: { minBytes: true } }],
  ['maxBacklogBytes', { maxBacklogBytes: NaN }],
  ['slowSubscriber', { slowSubscriber: false }],
  ['slowSubscriber', { slowSubscriber: 'Close' }],
  ['maxChannelsPerSubscriber', { maxChannelsPerSubscriber: '100' }],
  ['maxPayloadBytes', { maxPayloadBytes: '1MB' }],
  ['shutdownTimeout', { shutdownTimeout: false }]
]

for (const [option, options] of WRONG) {
  t.test(`${JSON.stringify(options)} is refused with the name of the option, the rule and the value`, async (t) => {
    t.throws(() => read(options), { code: 'FST_SSE_OPTION_INVALID' })
    try { read(options) } catch (error) {
      t.match((error as Error).message, new RegExp(`^The option "${option.replace('.', '\\.')}" must be .+; it is .+`, 's'))
    }
  })
}

t.test('prefix and path are joined as Fastify joins them', async (t) => {
  const joined: Array<[options: object, url: string]> = [
    [{}, '/events'], [{ prefix: '/api' }, '/api/events'], [{ prefix: '/api/' }, '/api/events'], [{ prefix: '/api', path: '/' }, '/api'],
    [{ path: '/' }, '/'], [{ prefix: '/', path: '/live' }, '/live']
  ]
  for (const [options, url] of joined) t.equal(readOptions(options).url, url, JSON.stringify(options))
  t.match(read({ prefix: '/api', static: { root: resolve('.'), prefix: '/pages' } }), { static: { prefix: '/api/pages' } })
  t.match(read({ prefix: '/api', inspector: true }), { client: '/api/sse/client.js', inspector: '/api/sse/' })
  t.match(read({ prefix: '/api/', client: '/live.js', inspector: '/look/' }), { client: '/api/live.js', inspector: '/api/look/' })
  t.match([read({ inspector: '/' }), read({ prefix: '/api', inspector: '/' }), read({ prefix: '/', inspector: '/' })], [
    { inspector: '/' }, { inspector: '/api/' }, { inspector: '/' }
  ])
})

t.test('false turns an option off, Infinity means no limit, and 0 means zero', async (t) => {
  t.match(read({ path: false, client: false, inspector: false, static: false, cors: false, history: false, stallTimeout: false }), {
    url: false, client: false, inspector: false, static: false, cors: false, keepsHistory: false, limits: { timeouts: { stallTimeout: Infinity } }
  })
  t.match(read({ history: { maxEvents: Infinity, maxAge: false } }), { history: { maxEvents: Infinity, maxAge: Infinity } })
  t.match(read({ stallTimeout: 0, maxBacklogBytes: 0, shutdownTimeout: 0, reconnectionTime: 0 }), {
    limits: { timeouts: { stallTimeout: 0 }, maxBacklogBytes: 0 }, shutdownTimeout: 0, reconnectionTime: { min: 0, max: 0 }
  })
})

t.test('a list of origins with credentials is accepted', async (t) => {
  t.match(read({ cors: { origin: ['https://a.test'], credentials: true } }), { cors: { isDefault: false, options: { credentials: true } } })
})
