import { isAbsolute } from 'node:path'
import { inspect } from 'node:util'
import type { FastifyCorsOptions } from '@fastify/cors'
import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { CloseReason } from './close-reason.ts'
import { OptionInvalid, OptionUnknown, OptionUnsupported } from './errors.ts'
import type { Declarations } from './event-types.ts'
import type { ReconnectionTime } from './hub.ts'
import type { LogBounds } from './log.ts'
import type { Subscriber, SubscriberContext } from './subscriber.ts'

/** What may be said of a subscriber when it subscribes. */
export interface SubscribeOptions {
  /**
   * Where it starts: `'head'` with what comes next, `'oldest'` with everything kept, or after an event ID. An ID that says nothing to
   * the log is a gap, not an error.
   *
   * @defaultValue the last event ID that the request brings, otherwise `'head'`
   */
  readonly from?: 'head' | 'oldest' | (string & {}) | undefined
  /** Yours; comes back as `subscriber.context`. Augment `SubscriberContext` to type it. */
  readonly context?: SubscriberContext | undefined
}

/** Further response headers of an event stream. */
export type StreamHeaders = Record<string, string | number | readonly string[]>

/**
 * The options of the plugin. Times are milliseconds, sizes bytes. `false` is off, an absent option has its default, `Infinity` is no
 * limit, and 0 is a real zero.
 *
 * @see docs/options.md
 */
export interface SsePluginOptions {
  /** The events that may be broadcast, from `defineEvents`; a list where several features bring their own. @defaultValue any event, any payload */
  events?: Declarations | readonly Declarations[] | undefined
  /** The stream route, below `prefix`; false: only your own routes call `app.sse.subscribe`. @defaultValue '/events' */
  path?: string | false | undefined
  /** Fastify's route options for the stream route: hooks, `schema`, `config`, `constraints` and so on. */
  route?: Omit<RouteShorthandOptions, 'handler'> | undefined
  /** The `subscribe` options for a request to the stream route. Runs after the hooks of the route. */
  subscribe?: ((request: FastifyRequest) => SubscribeOptions | undefined | Promise<SubscribeOptions | undefined>) | undefined
  /** A stream has opened: its head and `sse.open` are sent. What it throws is logged, and the stream goes on. */
  onSubscribe?: ((subscriber: Subscriber, request: FastifyRequest) => void | Promise<void>) | undefined
  /** A stream has ended and is no longer counted. What it throws is logged. */
  onClose?: ((subscriber: Subscriber, reason: CloseReason) => void | Promise<void>) | undefined
  /** Further response headers of every event stream of this plugin. Those that make it one cannot be changed. */
  headers?: ((request: FastifyRequest) => StreamHeaders | Promise<StreamHeaders>) | undefined
  /** Your own pages: `root` is an absolute directory, served below `prefix`. @defaultValue false */
  static?: { root: string, prefix?: string | undefined } | false | undefined
  /** @fastify/cors options for the routes of this plugin alone. @defaultValue { origin: '*' }, or the host's own @fastify/cors where there is one */
  cors?: Omit<FastifyCorsOptions, 'hook' | 'delegator'> | false | undefined
  /** What is kept for replay; false: no ids, and nothing is replayed. @defaultValue { maxEvents: 10_000, maxBytes: 16 MiB, maxAge: false } */
  history?: { maxEvents?: number | undefined, maxBytes?: number | undefined, maxAge?: number | false | undefined } | false | undefined
  /** How long a reader waits before it comes back: drawn for each between two bounds, and sent on every connect. @defaultValue { min: 1000, max: 5000 } */
  reconnectionTime?: number | ReconnectionTime | undefined
  /** What may wait in a subscriber's socket before it is passed by until the socket drains. @defaultValue 256 KiB */
  maxBacklogBytes?: number | undefined
  /** The most that the data of one event may take. @defaultValue 1 MiB */
  maxPayloadBytes?: number | undefined
  /** How long `app.close()` waits for readers to take the end of their streams before it cuts them. @defaultValue 5000 */
  shutdownTimeout?: number | undefined
  /** Of `register`: stands before `path` and before the prefix of `static`. */
  prefix?: string
}

/** The options, complete and checked. */
export interface Settings {
  readonly events: readonly Declarations[] | undefined
  /** The URL of the stream route within the scope of the plugin, `prefix` included. */
  readonly url: string | false
  readonly route: Omit<RouteShorthandOptions, 'handler'>
  readonly subscribe: NonNullable<SsePluginOptions['subscribe']>
  readonly onSubscribe: NonNullable<SsePluginOptions['onSubscribe']>
  readonly onClose: NonNullable<SsePluginOptions['onClose']>
  readonly headers: NonNullable<SsePluginOptions['headers']>
  readonly static: { readonly root: string, readonly prefix: string } | false
  readonly cors: { readonly options: FastifyCorsOptions, readonly isDefault: boolean } | false
  readonly keepsHistory: boolean
  readonly history: LogBounds
  readonly reconnectionTime: ReconnectionTime
  readonly maxBacklogBytes: number
  readonly maxPayloadBytes: number
  readonly shutdownTimeout: number
}

const KIB = 1024
const MIB = 1024 * KIB

const OPTIONS = ['events', 'path', 'route', 'subscribe', 'onSubscribe', 'onClose', 'headers', 'static', 'cors', 'history',
  'reconnectionTime', 'maxBacklogBytes', 'maxPayloadBytes', 'shutdownTimeout']

const OPTIONS_TO_COME = ['client', 'inspector', 'heartbeatInterval', 'heartbeatEvent', 'stallTimeout', 'idleTimeout', 'maxLifetime',
  'slowSubscriber', 'maxSubscribers', 'maxSubscribersPerKey', 'keyGenerator', 'overload', 'maxChannelsPerSubscriber', 'compress', 'broker']

// Those of @fastify/cors that are about the answer; `hook` and `delegator` are about how it is found, which is ours.
const CORS_OPTIONS = ['origin', 'credentials', 'methods', 'exposedHeaders', 'allowedHeaders', 'maxAge', 'cacheControl', 'preflight',
  'preflightContinue', 'strictPreflight', 'optionsSuccessStatus', 'hideOptionsRoute', 'logLevel']

const CORS_DEFAULTS = {
  origin: '*', methods: 'GET,HEAD', credentials: false, exposedHeaders: null, allowedHeaders: null, maxAge: null
}

const SUBSCRIBE_OPTIONS = ['from', 'context']

const SUBSCRIBE_OPTIONS_TO_COME = ['channels', 'expiresAt']

const OPTIONS_OF_REGISTER = ['prefix', 'logLevel', 'logSerializers']

/**
 * Makes the options complete.
 *
 * @throws FST_SSE_OPTION_UNKNOWN, FST_SSE_OPTION_UNSUPPORTED, FST_SSE_OPTION_INVALID: names the option, the rule and the value.
 */
export function readOptions (options: SsePluginOptions): Settings {
  for (const key of Object.keys(options)) {
    if (OPTIONS_TO_COME.includes(key)) throw new OptionUnsupported(key)
    if (!OPTIONS.includes(key) && !OPTIONS_OF_REGISTER.includes(key)) throw new OptionUnknown(key, OPTIONS.join(', '))
  }
  // Not `??`: null is no option's default, but a wrong value.
  const {
    events, path = '/events', route = {}, subscribe = () => undefined, onSubscribe = () => {}, onClose = () => {}, headers = () => ({}),
    static: pages = false, cors, history = {}, reconnectionTime = { min: 1000, max: 5000 }, maxBacklogBytes = 256 * KIB,
    maxPayloadBytes = MIB, shutdownTimeout = 5000, prefix = ''
  } = options
  demand(prefix === '' || isPath(prefix), 'prefix', 'a path that begins with "/"', prefix)
  return Object.freeze({
    events: readEvents(events),
    url: readUrl(prefix, path),
    route: readRoute(route),
    subscribe: readFunction('subscribe', subscribe),
    onSubscribe: readFunction('onSubscribe', onSubscribe),
    onClose: readFunction('onClose', onClose),
    headers: readFunction('headers', headers),
    static: readStatic(prefix, pages),
    cors: readCors(cors),
    keepsHistory: history !== false,
    history: readHistory(history),
    reconnectionTime: readReconnectionTime(reconnectionTime),
    maxBacklogBytes: readLimit('maxBacklogBytes', maxBacklogBytes),
    maxPayloadBytes: readLimit('maxPayloadBytes', maxPayloadBytes),
    shutdownTimeout: readLimit('shutdownTimeout', shutdownTimeout)
  })
}

/**
 * The options of `subscribe`, complete.
 *
 * @throws FST_SSE_OPTION_UNKNOWN, FST_SSE_OPTION_UNSUPPORTED, FST_SSE_OPTION_INVALID
 */
export function readSubscribeOptions (options: SubscribeOptions): { from: string | undefined, context: SubscriberContext } {
  demand(isObject(options), 'subscribe', 'an object of from, context', options)
  for (const key of Object.keys(options)) {
    // Not passed over: a stream that was meant for some channels would hear all of them.
    if (SUBSCRIBE_OPTIONS_TO_COME.includes(key)) throw new OptionUnsupported(`subscribe.${key}`)
  }
  const { from, context = {} } = readObject('subscribe', options, SUBSCRIBE_OPTIONS)
  demand(from === undefined || typeof from === 'string', 'subscribe.from', '"head", "oldest" or an event ID', from)
  return { from, context }
}

/** @throws FST_SSE_OPTION_INVALID */
export function readReconnectionTime (value: number | ReconnectionTime): ReconnectionTime {
  const option = 'reconnectionTime'
  const { min, max } = typeof value === 'number' ? { min: value, max: value } : readObject(option, value, ['min', 'max'])
  const rule = 'a whole number of milliseconds, or { min, max } with min at most max'
  demand(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min >= 0 && min <= max, option, rule, value)
  return { min, max }
}

function readEvents (events: SsePluginOptions['events']): readonly Declarations[] | undefined {
  if (events === undefined) return undefined
  const list = (Array.isArray(events) ? events : [events]) as readonly Declarations[]
  for (const declarations of list) demand(isObject(declarations), 'events', 'what defineEvents returns, or a list of those', declarations)
  return list
}

function readUrl (prefix: string, path: string | false): string | false {
  demand(path === false || isPath(path), 'path', 'a path that begins with "/", or false', path)
  return path === false ? false : join(prefix, path)
}

/** As Fastify joins them: one slash between, none alone at the end. */
function join (prefix: string, path: string): string {
  const url = prefix.endsWith('/') ? prefix + path.slice(1) : prefix + path
  return prefix !== '' && path === '/' ? prefix : url
}

function isPath (value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('/')
}

function readRoute (route: Omit<RouteShorthandOptions, 'handler'>): Omit<RouteShorthandOptions, 'handler'> {
  demand(isObject(route), 'route', 'an object of Fastify\'s route options', route)
  for (const key of ['url', 'path', 'method', 'handler', 'exposeHeadRoute']) {
    demand(!Object.hasOwn(route, key), `route.${key}`, 'left to the plugin', route[key as keyof typeof route])
  }
  return route
}

function readFunction<F> (option: string, value: F): F {
  demand(typeof value === 'function', option, 'a function', value)
  return value
}

function readStatic (outer: string, value: NonNullable<SsePluginOptions['static']>): Settings['static'] {
  if (value === false) return false
  const { root, prefix = '/' } = readObject('static', value, ['root', 'prefix'])
  demand(typeof root === 'string' && isAbsolute(root), 'static.root', 'an absolute path of a directory', root)
  demand(isPath(prefix), 'static.prefix', 'a path that begins with "/"', prefix)
  return { root, prefix: join(outer, prefix) }
}

function readCors (value: SsePluginOptions['cors']): Settings['cors'] {
  if (value === false) return false
  // Complete, so that none of the host's global options shines through where ours are asked for.
  const options = { ...CORS_DEFAULTS, ...readObject('cors', value === undefined ? {} : value, CORS_OPTIONS) } as FastifyCorsOptions
  const { origin, credentials } = options
  // Perhaps from an environment that lacks it: any origin would be the wrong guess.
  demand(origin !== undefined, 'cors.origin', 'given, where it stands at all', origin)
  demand(typeof credentials === 'boolean', 'cors.credentials', 'true or false', credentials)
  const anyOrigin = [origin].flat().some((one) => one === '*' || one === true)
  demand(!(anyOrigin && credentials), 'cors.origin',
    'a list of origins where "credentials" is true: browsers refuse "*" with credentials, and with true any page could read as your user', origin)
  return { options, isDefault: value === undefined }
}

function readHistory (value: NonNullable<SsePluginOptions['history']>): LogBounds {
  const { maxEvents = 10_000, maxBytes = 16 * MIB, maxAge = false } = value === false
    ? { maxEvents: 0 }
    : readObject('history', value, ['maxEvents', 'maxBytes', 'maxAge'])
  return {
    maxEvents: readLimit('history.maxEvents', maxEvents),
    maxBytes: readLimit('history.maxBytes', maxBytes),
    maxAge: maxAge === false ? Infinity : readLimit('history.maxAge', maxAge)
  }
}

function readLimit (option: string, value: number): number {
  demand(value === Infinity || (Number.isSafeInteger(value) && value >= 0), option, 'a whole number from 0, or Infinity', value)
  return value
}

function readObject<T extends object> (option: string, value: T, keys: readonly string[]): T {
  demand(isObject(value), option, `an object of ${keys.join(', ')}`, value)
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) throw new OptionUnknown(`${option}.${key}`, keys.join(', '))
  }
  return value
}

function isObject (value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function demand (holds: boolean, option: string, rule: string, value: unknown): asserts holds {
  if (!holds) throw new OptionInvalid(option, rule, inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: 100, maxArrayLength: 10 }))
}
