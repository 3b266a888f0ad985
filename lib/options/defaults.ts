import type { Broker } from '../broker/broker.ts'
import { memoryBroker } from '../broker/memory-broker.ts'
import type { AfterGap } from '../cursor/placement.ts'
import { OptionUnknown } from '../errors.ts'
import type { LogBounds } from '../log/log-bounds.ts'
import { addressOf, type AdmissionLimits } from '../open/admission.ts'
import type { Overload } from '../open/refusals.ts'
import { readPlain, type Plain } from '../open/subscribe-options.ts'
import { atRegistration, demand, isObject, isPath, readBoolean, readFunction, readLimit, readObject, readTimeout } from '../option-rules.ts'
import type { SlowSubscriber, SsePluginOptions } from './options.ts'
import { type Cors, type Pages, readClient, readCors, readInspector, readRoute, readStatic, readUrl, type StreamRoute } from '../routes/route-options.ts'
import { readRunSettings, type RunSettings } from '../runs/run-options.ts'
import type { Declarations } from '../schema/declarations.ts'
import { readReconnectionTime, type ReconnectionTime } from '../subscribers/reconnection-time.ts'
import type { SubscriberLimits } from '../subscribers/subscriber-limits.ts'
import type { TickInterval } from '../time/clock.ts'
import { tickIntervalFor, type Timeouts } from '../time/deadlines.ts'

// Reads the options of the plugin: checks them and fills in the defaults.

/** The options of the plugin, complete and checked. */
export interface Settings {
  readonly events: readonly Declarations[] | undefined
  /** The URL of the stream route within the plugin's scope, `prefix` included; false: no stream route. */
  readonly url: string | false
  readonly route: StreamRoute
  readonly subscribe: NonNullable<SsePluginOptions['subscribe']>
  readonly onSubscribe: NonNullable<SsePluginOptions['onSubscribe']>
  readonly onClose: NonNullable<SsePluginOptions['onClose']>
  readonly headers: NonNullable<SsePluginOptions['headers']>
  /** The URL of the browser client within the plugin's scope, `prefix` included; false: not served. */
  readonly client: string | false
  /** The URL of the inspector within the plugin's scope, `prefix` included. It ends in "/"; false: not served. */
  readonly inspector: string | false
  readonly static: Pages | false
  readonly cors: Cors | false
  readonly keepsHistory: boolean
  readonly history: LogBounds
  readonly reconnectionTime: ReconnectionTime
  readonly limits: SubscriberLimits
  /** The heartbeat interval that `sse.open` tells to readers, in milliseconds; false: no heartbeats. */
  readonly heartbeatInterval: number | false
  /** True: heartbeats are events. False: they are comments. */
  readonly heartbeatEvent: boolean
  readonly admission: AdmissionLimits
  readonly overload: Overload
  readonly afterGap: AfterGap
  /** The size from which events are compressed, in bytes; false: no compression. */
  readonly compress: { readonly minBytes: number } | false
  readonly tickInterval: TickInterval
  readonly maxPayloadBytes: number
  readonly shutdownTimeout: number
  readonly broker: Broker
  /** The longest time in milliseconds that registration waits for the broker; false: no wait. */
  readonly waitForBroker: number | false
  readonly plain: Plain
  readonly runs: RunSettings
}

const KIB = 1024
const MIB = 1024 * KIB

const OPTIONS = ['events', 'path', 'route', 'subscribe', 'onSubscribe', 'onClose', 'headers', 'client', 'inspector', 'static', 'cors',
  'history', 'reconnectionTime', 'heartbeatInterval', 'heartbeatEvent', 'afterGap', 'stallTimeout', 'idleTimeout', 'maxLifetime', 'maxBacklogBytes',
  'slowSubscriber', 'maxPayloadBytes', 'maxChannelsPerSubscriber', 'maxSubscribers', 'maxSubscribersPerKey', 'keyGenerator', 'overload',
  'compress', 'shutdownTimeout', 'broker', 'waitForBroker', 'plain', 'runs']

// Both plugin loaders pass their own options to every plugin.
const ADVICE = 'if @fastify/autoload or fastify-cli passed it on, register this plugin in a file of its own, with its own options only'

const OPTIONS_OF_REGISTER = ['prefix', 'logLevel', 'logSerializers']

/**
 * Reads the options of the plugin.
 *
 * @throws FST_SSE_OPTION_UNKNOWN or FST_SSE_OPTION_INVALID when an option is wrong; the message shows the value.
 */
export function readOptions (options: SsePluginOptions): Settings {
  return atRegistration(() => complete(options))
}

function complete (options: SsePluginOptions): Settings {
  for (const key of Object.keys(options)) {
    if (!OPTIONS.includes(key) && !OPTIONS_OF_REGISTER.includes(key)) throw new OptionUnknown('', key, `${OPTIONS.join(', ')}; ${ADVICE}`)
  }
  // Defaults of destructuring instead of `??`, so that null is refused as a wrong value.
  const {
    events, path = '/events', route = {}, subscribe = () => undefined, onSubscribe = () => {}, onClose = () => {}, headers = () => ({}),
    client = '/sse/client.js', inspector = false, static: pages = false, cors, history = {}, reconnectionTime = { min: 1000, max: 5000 },
    heartbeatInterval = 15_000, heartbeatEvent = heartbeatInterval !== false && heartbeatInterval !== Infinity, afterGap = 'replay',
    stallTimeout = 30_000, idleTimeout = false, maxLifetime = false, maxBacklogBytes = 256 * KIB, slowSubscriber = 'skip',
    maxPayloadBytes = MIB, maxChannelsPerSubscriber = 100, maxSubscribers = Infinity, maxSubscribersPerKey = Infinity,
    keyGenerator = addressOf, overload = 'retry', compress = false, shutdownTimeout = 5000, broker = memoryBroker(), waitForBroker = 5000,
    plain = false, runs = {}, prefix = ''
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
      maxBacklogBytes: readLimit('maxBacklogBytes', maxBacklogBytes),
      replaysGaps: afterGap === 'replay',
      closesSlow: readSlowSubscriber(slowSubscriber) === 'close',
      endTimeout: readLimit('shutdownTimeout', shutdownTimeout),
      maxChannelsPerSubscriber: readLimit('maxChannelsPerSubscriber', maxChannelsPerSubscriber)
    },
    heartbeatInterval: heartbeatInterval === Infinity ? false : heartbeatInterval,
    heartbeatEvent: readHeartbeatEvent(heartbeatEvent, timeouts),
    admission: {
      maxSubscribers: readLimit('maxSubscribers', maxSubscribers),
      maxSubscribersPerKey: readLimit('maxSubscribersPerKey', maxSubscribersPerKey),
      keyGenerator: readFunction('keyGenerator', keyGenerator)
    },
    overload: readOverload(overload),
    afterGap: readAfterGap(afterGap),
    compress: readCompress(compress),
    tickInterval: tickIntervalFor(timeouts),
    maxPayloadBytes: readLimit('maxPayloadBytes', maxPayloadBytes),
    shutdownTimeout: readLimit('shutdownTimeout', shutdownTimeout),
    broker: readBroker(broker),
    waitForBroker: waitForBroker === false ? false : readLimit('waitForBroker', waitForBroker),
    plain: readPlain('plain', plain),
    runs: readRunSettings(runs)
  })
}

function readEvents (events: SsePluginOptions['events']): readonly Declarations[] | undefined {
  if (events === undefined) return undefined
  const list = (Array.isArray(events) ? events : [events]) as readonly Declarations[]
  for (const declarations of list) demand(isObject(declarations), 'events', 'the result of defineEvents, or a list of such results', declarations)
  return list
}

function readHeartbeatEvent (isEvent: boolean, { heartbeatInterval }: Timeouts): boolean {
  readBoolean('heartbeatEvent', isEvent)
  demand(!isEvent || heartbeatInterval !== Infinity, 'heartbeatEvent', 'false if "heartbeatInterval" is off', isEvent)
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

function readBroker (value: Broker): Broker {
  const methods = ['start', 'order', 'health', 'close'] as const
  const isBroker = isObject(value) && methods.every((method) => typeof value[method] === 'function')
  demand(isBroker, 'broker', 'a broker, such as the result of redisBroker()', value)
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
