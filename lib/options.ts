import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import { addressOf, type AdmissionLimits } from './admission.ts'
import type { SubscribeOptions } from './call-options.ts'
import type { Pace } from './clock.ts'
import type { CloseReason } from './close-reason.ts'
import { OptionUnknown, OptionUnsupported } from './errors.ts'
import type { Declarations } from './event-types.ts'
import type { ReconnectionTime } from './hub.ts'
import type { LogBounds } from './log.ts'
import { atRegistration, demand, isObject, isPath, readBoolean, readFunction, readLimit, readObject, readTimeout } from './option-rules.ts'
import { paceFor } from './pace.ts'
import type { AfterGap } from './placement.ts'
import { readClient, readCors, readInspector, readRoute, readStatic, readUrl, type Cors, type CorsOptions, type Pages, type StaticOptions } from './route-options.ts'
import type { SubscriberLimits } from './subscriber-limits.ts'
import type { Subscriber } from './subscriber.ts'
import type { Timeouts } from './watch.ts'

/** A function of yours that is given a request: type that as your route does, with its query and its parameters. */
type OfRequest<F extends (...args: never[]) => unknown> = { bivariant (...args: Parameters<F>): ReturnType<F> }['bivariant']

/** `'skip'`: it is told with `sse.gap`, and goes on. `'close'`: its stream ends; its reader comes back and is told then. */
export type SlowSubscriber = 'skip' | 'close'

/** `'retry'`: a stream that only says when to come back, which browsers survive. `'reject'`: 503, after which native readers stay away. */
export type Overload = 'retry' | 'reject'

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
  /** Where the browser client is served, below `prefix`; what it loads on demand, beside it. False: nowhere. @defaultValue '/sse/client.js' */
  client?: string | false | undefined
  /** The inspector, a page that shows any stream and the declared events; true: at '/sse/', below `prefix`. @defaultValue false */
  inspector?: string | boolean | undefined
  /** Your own pages: `root` is an absolute directory, served below `prefix`, with further options of @fastify/static. @defaultValue false */
  static?: StaticOptions | false | undefined
  /** @fastify/cors options for the routes of this plugin alone. @defaultValue { origin: '*' }, or the host's own @fastify/cors where there is one */
  cors?: CorsOptions | false | undefined
  /** What is kept for replay; false: no ids, and nothing is replayed. @defaultValue { maxEvents: 10_000, maxBytes: 16 MiB, maxAge: false } */
  history?: { maxEvents?: number | undefined, maxBytes?: number | undefined, maxAge?: number | false | undefined } | false | undefined
  /** How long a reader waits before it comes back: drawn for each between two bounds, and sent on every connect. @defaultValue { min: 1000, max: 5000 } */
  reconnectionTime?: number | ReconnectionTime | undefined
  /** The silence, at most, before a heartbeat shows readers and proxies that the stream lives. @defaultValue 15_000 */
  heartbeatInterval?: number | false | undefined
  /** Heartbeats are `sse.heartbeat` events; false: comments, which pages cannot see. @defaultValue true, where there are heartbeats */
  heartbeatEvent?: boolean | undefined
  /**
   * What follows an `sse.gap`: `'replay'` everything kept, `'live'` only what comes. Live, a made-up event ID costs no more than the gap.
   *
   * @defaultValue 'replay'
   */
  afterGap?: AfterGap | undefined
  /** A subscriber is cut whose socket has bytes waiting and takes none of them for so long. @defaultValue 30_000 */
  stallTimeout?: number | false | undefined
  /** A stream ends that had no event for so long; it comes back when its reader wants it. @defaultValue false */
  idleTimeout?: number | false | undefined
  /** A stream ends at 80 to 100 % of this age; its reader comes back, to another process perhaps. @defaultValue false */
  maxLifetime?: number | false | undefined
  /** What may wait in a subscriber's socket before it is passed by until the socket drains. @defaultValue 256 KiB */
  maxBacklogBytes?: number | undefined
  /** What becomes of a subscriber so far behind that the log has lost what it was to get: it is told, or its stream ends. @defaultValue 'skip' */
  slowSubscriber?: SlowSubscriber | undefined
  /** The most that the data of one event may take. @defaultValue 1 MiB */
  maxPayloadBytes?: number | undefined
  /** The most channels that one subscriber may hear. @defaultValue 100 */
  maxChannelsPerSubscriber?: number | undefined
  /** The most event streams that are open in this process at once. @defaultValue Infinity */
  maxSubscribers?: number | undefined
  /** The most of them for one key. @defaultValue Infinity */
  maxSubscribersPerKey?: number | undefined
  /** What a request counts for: text or a number, sync or async, after the hooks of the route. @defaultValue its IP address */
  keyGenerator?: OfRequest<(request: FastifyRequest) => string | number | Promise<string | number>> | undefined
  /** What a reader gets for whom there is no place. @defaultValue 'retry' */
  overload?: Overload | undefined
  /** Readers that take gzip get it: each event of `minBytes` and more is compressed once for all. @defaultValue false; true: { minBytes: 256 } */
  compress?: boolean | { minBytes?: number | undefined } | undefined
  /** How long `app.close()` waits for readers to take the end of their streams before it cuts them. @defaultValue 5000 */
  shutdownTimeout?: number | undefined
  /** Of `register`: stands before `path`, `client`, `inspector` and the prefix of `static`. */
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
  /** The URLs of both within the scope of the plugin, `prefix` included; that of the inspector ends in "/". */
  readonly client: string | false
  readonly inspector: string | false
  readonly static: Pages | false
  readonly cors: Cors | false
  readonly keepsHistory: boolean
  readonly history: LogBounds
  readonly reconnectionTime: ReconnectionTime
  readonly limits: SubscriberLimits
  /** What readers are told of silence: milliseconds, or false. */
  readonly heartbeatInterval: number | false
  readonly admission: AdmissionLimits
  readonly overload: Overload
  readonly afterGap: AfterGap
  /** False: nothing is compressed. */
  readonly compress: { readonly minBytes: number } | false
  readonly pace: Pace
  readonly maxPayloadBytes: number
  readonly shutdownTimeout: number
}

const KIB = 1024
const MIB = 1024 * KIB

const OPTIONS = ['events', 'path', 'route', 'subscribe', 'onSubscribe', 'onClose', 'headers', 'client', 'inspector', 'static', 'cors',
  'history', 'reconnectionTime', 'heartbeatInterval', 'heartbeatEvent', 'afterGap', 'stallTimeout', 'idleTimeout', 'maxLifetime', 'maxBacklogBytes',
  'slowSubscriber', 'maxPayloadBytes', 'maxChannelsPerSubscriber', 'maxSubscribers', 'maxSubscribersPerKey', 'keyGenerator', 'overload',
  'compress', 'shutdownTimeout']

const OPTIONS_TO_COME = ['broker']

// Both hand their own options to every plugin that they load.
const ADVICE = 'if @fastify/autoload or fastify-cli handed it on, register this plugin in a file of its own, with its options alone'

const OPTIONS_OF_REGISTER = ['prefix', 'logLevel', 'logSerializers']

/**
 * Makes the options complete.
 *
 * @throws FST_SSE_OPTION_UNKNOWN, FST_SSE_OPTION_UNSUPPORTED, FST_SSE_OPTION_INVALID: names the option, the rule and the value.
 */
export function readOptions (options: SsePluginOptions): Settings {
  return atRegistration(() => complete(options))
}

function complete (options: SsePluginOptions): Settings {
  for (const key of Object.keys(options)) {
    if (OPTIONS_TO_COME.includes(key)) throw new OptionUnsupported(key)
    if (!OPTIONS.includes(key) && !OPTIONS_OF_REGISTER.includes(key)) throw new OptionUnknown('', key, `${OPTIONS.join(', ')}; ${ADVICE}`)
  }
  // Not `??`: null is no option's default, but a wrong value.
  const {
    events, path = '/events', route = {}, subscribe = () => undefined, onSubscribe = () => {}, onClose = () => {}, headers = () => ({}),
    client = '/sse/client.js', inspector = false, static: pages = false, cors, history = {}, reconnectionTime = { min: 1000, max: 5000 },
    heartbeatInterval = 15_000, heartbeatEvent = heartbeatInterval !== false && heartbeatInterval !== Infinity, afterGap = 'replay',
    stallTimeout = 30_000, idleTimeout = false, maxLifetime = false, maxBacklogBytes = 256 * KIB, slowSubscriber = 'skip',
    maxPayloadBytes = MIB, maxChannelsPerSubscriber = 100, maxSubscribers = Infinity, maxSubscribersPerKey = Infinity,
    keyGenerator = addressOf, overload = 'retry', compress = false, shutdownTimeout = 5000, prefix = ''
  } = options
  const timeouts = {
    heartbeatInterval: readTimeout('heartbeatInterval', heartbeatInterval),
    stallTimeout: readTimeout('stallTimeout', stallTimeout),
    idleTimeout: readTimeout('idleTimeout', idleTimeout),
    maxLifetime: readTimeout('maxLifetime', maxLifetime)
  }
  demand(prefix === '' || isPath(prefix), 'prefix', 'a path that begins with "/"', prefix)
  return Object.freeze({
    events: readEvents(events),
    url: readUrl(prefix, path),
    route: readRoute(route),
    subscribe: readFunction('subscribe', subscribe),
    onSubscribe: readFunction('onSubscribe', onSubscribe),
    onClose: readFunction('onClose', onClose),
    headers: readFunction('headers', headers),
    client: readClient(prefix, client),
    inspector: readInspector(prefix, inspector),
    static: readStatic(prefix, pages),
    cors: readCors(cors),
    keepsHistory: history !== false,
    history: readHistory(history),
    reconnectionTime: readReconnectionTime(reconnectionTime),
    limits: {
      timeouts,
      heartbeatEvent: readHeartbeatEvent(heartbeatEvent, timeouts),
      maxBacklogBytes: readLimit('maxBacklogBytes', maxBacklogBytes),
      replaysGaps: afterGap === 'replay',
      closesSlow: readSlowSubscriber(slowSubscriber) === 'close',
      endTimeout: readLimit('shutdownTimeout', shutdownTimeout),
      maxChannelsPerSubscriber: readLimit('maxChannelsPerSubscriber', maxChannelsPerSubscriber)
    },
    heartbeatInterval: heartbeatInterval === Infinity ? false : heartbeatInterval,
    admission: {
      maxSubscribers: readLimit('maxSubscribers', maxSubscribers),
      maxSubscribersPerKey: readLimit('maxSubscribersPerKey', maxSubscribersPerKey),
      keyGenerator: readFunction('keyGenerator', keyGenerator)
    },
    overload: readOverload(overload),
    afterGap: readAfterGap(afterGap),
    compress: readCompress(compress),
    pace: paceFor(timeouts),
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

function readHeartbeatEvent (isEvent: boolean, { heartbeatInterval }: Timeouts): boolean {
  readBoolean('heartbeatEvent', isEvent)
  demand(!isEvent || heartbeatInterval !== Infinity, 'heartbeatEvent', 'false where "heartbeatInterval" is off', isEvent)
  return isEvent
}

function readOverload (value: Overload): Overload {
  demand(value === 'retry' || value === 'reject', 'overload', '"retry" or "reject"', value)
  return value
}

function readAfterGap (value: AfterGap): AfterGap {
  demand(value === 'replay' || value === 'live', 'afterGap', '"replay" or "live"', value)
  return value
}

function readCompress (value: boolean | { minBytes?: number | undefined }): Settings['compress'] {
  if (value === false) return false
  demand(value === true || isObject(value), 'compress', 'true, false, or { minBytes }', value)
  const { minBytes = 256 } = value === true ? {} : readObject('compress', value, ['minBytes'])
  return { minBytes: readLimit('compress.minBytes', minBytes) }
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
