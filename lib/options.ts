import { isAbsolute } from 'node:path'
import type { FastifyCorsOptions } from '@fastify/cors'
import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { SubscribeOptions } from './call-options.ts'
import type { CloseReason } from './close-reason.ts'
import type { SubscriberLimits } from './delivery.ts'
import { OptionUnknown, OptionUnsupported } from './errors.ts'
import type { Declarations } from './event-types.ts'
import type { ReconnectionTime } from './hub.ts'
import type { LogBounds } from './log.ts'
import { demand, isObject, isPath, readFunction, readLimit, readObject, readTimeout } from './option-rules.ts'
import type { Subscriber } from './subscriber.ts'

/** A function of yours that is given a request: type that as your route does, with its query and its parameters. */
type OfRequest<F extends (...args: never[]) => unknown> = { bivariant (...args: Parameters<F>): ReturnType<F> }['bivariant']

/** `'skip'`: it is told with `sse.gap`, and goes on. `'close'`: its stream ends; its reader comes back and is told then. */
export type SlowSubscriber = 'skip' | 'close'

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
  subscribe?: OfRequest<(request: FastifyRequest) => SubscribeOptions | undefined | Promise<SubscribeOptions | undefined>> | undefined
  /** A stream has opened: its head and `sse.open` are sent. What it throws is logged, and the stream goes on. */
  onSubscribe?: OfRequest<(subscriber: Subscriber, request: FastifyRequest) => void | Promise<void>> | undefined
  /** A stream has ended and is no longer counted. What it throws is logged. */
  onClose?: ((subscriber: Subscriber, reason: CloseReason) => void | Promise<void>) | undefined
  /** Further response headers of every event stream of this plugin. Those that make it one cannot be changed. */
  headers?: OfRequest<(request: FastifyRequest) => StreamHeaders | Promise<StreamHeaders>> | undefined
  /** Your own pages: `root` is an absolute directory, served below `prefix`. @defaultValue false */
  static?: { root: string, prefix?: string | undefined } | false | undefined
  /** @fastify/cors options for the routes of this plugin alone. @defaultValue { origin: '*' }, or the host's own @fastify/cors where there is one */
  cors?: Omit<FastifyCorsOptions, 'hook' | 'delegator'> | false | undefined
  /** What is kept for replay; false: no ids, and nothing is replayed. @defaultValue { maxEvents: 10_000, maxBytes: 16 MiB, maxAge: false } */
  history?: { maxEvents?: number | undefined, maxBytes?: number | undefined, maxAge?: number | false | undefined } | false | undefined
  /** How long a reader waits before it comes back: drawn for each between two bounds, and sent on every connect. @defaultValue { min: 1000, max: 5000 } */
  reconnectionTime?: number | ReconnectionTime | undefined
  /** A subscriber is cut whose socket has bytes waiting and takes none of them for so long. @defaultValue 30_000 */
  stallTimeout?: number | false | undefined
  /** What may wait in a subscriber's socket before it is passed by until the socket drains. @defaultValue 256 KiB */
  maxBacklogBytes?: number | undefined
  /** What becomes of a subscriber so far behind that the log has lost what it was to get: it is told, or its stream ends. @defaultValue 'skip' */
  slowSubscriber?: SlowSubscriber | undefined
  /** The most that the data of one event may take. @defaultValue 1 MiB */
  maxPayloadBytes?: number | undefined
  /** The most channels that one subscriber may hear. @defaultValue 100 */
  maxChannelsPerSubscriber?: number | undefined
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
  readonly limits: SubscriberLimits
  /** Milliseconds between two looks at what has become of the subscribers. */
  readonly clockInterval: number
  readonly maxPayloadBytes: number
  readonly shutdownTimeout: number
}

const KIB = 1024
const MIB = 1024 * KIB

const MIN_CLOCK_INTERVAL = 10
const MAX_CLOCK_INTERVAL = 1000

const OPTIONS = ['events', 'path', 'route', 'subscribe', 'onSubscribe', 'onClose', 'headers', 'static', 'cors', 'history',
  'reconnectionTime', 'stallTimeout', 'maxBacklogBytes', 'slowSubscriber', 'maxPayloadBytes', 'maxChannelsPerSubscriber', 'shutdownTimeout']

const OPTIONS_TO_COME = ['client', 'inspector', 'heartbeatInterval', 'heartbeatEvent', 'idleTimeout', 'maxLifetime',
  'maxSubscribers', 'maxSubscribersPerKey', 'keyGenerator', 'overload', 'compress', 'broker']

// Those of @fastify/cors that are about the answer; `hook` and `delegator` are about how it is found, which is ours.
const CORS_OPTIONS = ['origin', 'credentials', 'methods', 'exposedHeaders', 'allowedHeaders', 'maxAge', 'cacheControl', 'preflight',
  'preflightContinue', 'strictPreflight', 'optionsSuccessStatus', 'hideOptionsRoute', 'logLevel']

const CORS_DEFAULTS = {
  origin: '*', methods: 'GET,HEAD', credentials: false, exposedHeaders: null, allowedHeaders: null, maxAge: null
}

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
    static: pages = false, cors, history = {}, reconnectionTime = { min: 1000, max: 5000 }, stallTimeout = 30_000,
    maxBacklogBytes = 256 * KIB, slowSubscriber = 'skip', maxPayloadBytes = MIB, maxChannelsPerSubscriber = 100, shutdownTimeout = 5000, prefix = ''
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
    limits: {
      stallTimeout: readTimeout('stallTimeout', stallTimeout),
      maxBacklogBytes: readLimit('maxBacklogBytes', maxBacklogBytes),
      closesSlow: readSlowSubscriber(slowSubscriber) === 'close',
      maxChannelsPerSubscriber: readLimit('maxChannelsPerSubscriber', maxChannelsPerSubscriber)
    },
    clockInterval: intervalFor(stallTimeout),
    maxPayloadBytes: readLimit('maxPayloadBytes', maxPayloadBytes),
    shutdownTimeout: readLimit('shutdownTimeout', shutdownTimeout)
  })
}

/** @throws FST_SSE_OPTION_INVALID */
export function readReconnectionTime (value: number | ReconnectionTime): ReconnectionTime {
  const option = 'reconnectionTime'
  const rule = 'a whole number of milliseconds, or { min, max } with min at most max'
  demand(typeof value === 'number' || isObject(value), option, rule, value)
  const { min, max } = typeof value === 'number' ? { min: value, max: value } : readObject(option, value, ['min', 'max'])
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

function readRoute (route: Omit<RouteShorthandOptions, 'handler'>): Omit<RouteShorthandOptions, 'handler'> {
  demand(isObject(route), 'route', 'an object of Fastify\'s route options', route)
  for (const key of ['url', 'path', 'method', 'handler', 'exposeHeadRoute']) {
    demand(!Object.hasOwn(route, key), `route.${key}`, 'left to the plugin', route[key as keyof typeof route])
  }
  return route
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

/** A quarter of the shortest time-out, so that none is late by more; a second at most, so that others may come. */
function intervalFor (timeout: number | false): number {
  return timeout === false ? MAX_CLOCK_INTERVAL : Math.max(MIN_CLOCK_INTERVAL, Math.min(timeout / 4, MAX_CLOCK_INTERVAL))
}

function readSlowSubscriber (value: SlowSubscriber): SlowSubscriber {
  demand(value === 'skip' || value === 'close', 'slowSubscriber', '"skip" or "close"', value)
  return value
}

function readHistory (value: NonNullable<SsePluginOptions['history']>): LogBounds {
  const { maxEvents = 10_000, maxBytes = 16 * MIB, maxAge = false } = value === false
    ? {}
    : readObject('history', value, ['maxEvents', 'maxBytes', 'maxAge'])
  return {
    maxEvents: readLimit('history.maxEvents', maxEvents),
    maxBytes: readLimit('history.maxBytes', maxBytes),
    maxAge: readTimeout('history.maxAge', maxAge)
  }
}
