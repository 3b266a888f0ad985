import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { Broker } from '../broker/broker.ts'
import type { AfterGap } from '../cursor/placement.ts'
import type { Overload } from '../open/refusals.ts'
import type { StreamHeaders } from '../open/response-head.ts'
import type { Plain, SubscribeOptions } from '../open/subscribe-options.ts'
import type { CorsOptions, StaticOptions } from '../routes/route-options.ts'
import type { Declarations } from '../schema/declarations.ts'
import type { ReconnectionTime } from '../subscribers/reconnection-time.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { CloseReason } from '../wire/reasons.ts'

// The options of the plugin as an application gives them.

/** A function that takes a request. Its parameter may have the narrower type that a route gives to its requests, with query and parameters. */
type OfRequest<F extends (...args: never[]) => unknown> = { bivariant (...args: Parameters<F>): ReturnType<F> }['bivariant']

/**
 * The treatment of a subscriber that has fallen behind the oldest event of the history. `'skip'`: it gets `sse.gap` and continues. `'close'`:
 * its stream ends, and its reader gets `sse.gap` when it reconnects.
 *
 * @see docs/options.md
 */
export type SlowSubscriber = 'skip' | 'close'

/**
 * The options of one hub, which is one registration of the plugin in this process. Times are in milliseconds, sizes in bytes. An absent option
 * has its default, `false` turns a feature off, `Infinity` means no limit, and 0 is a real zero.
 *
 * @see docs/options.md
 */
export interface SsePluginOptions {
  /** The events from `defineEvents`, or a list of such declarations if several features bring their own. @defaultValue any event, any payload */
  events?: Declarations | readonly Declarations[] | undefined
  /** The path of the stream route, below `prefix`; `false`: no stream route, only your own routes call `app.sse.subscribe`. @defaultValue '/events' */
  path?: string | false | undefined
  /** Fastify route options for the stream route: hooks, `schema`, `config`, `constraints` and so on. @defaultValue {} */
  route?: Omit<RouteShorthandOptions, 'handler'> | undefined
  /** Returns the options of `app.sse.subscribe` for a request to the stream route. Called after the hooks of the route. @defaultValue no options */
  subscribe?: OfRequest<(request: FastifyRequest) => SubscribeOptions | undefined | Promise<SubscribeOptions | undefined>> | undefined
  /**
   * Called when a stream has opened: its head and `sse.open` are sent. An error that it throws is logged, and the stream continues.
   *
   * @defaultValue none
   */
  onSubscribe?: OfRequest<(subscriber: Subscriber, request: FastifyRequest) => void | Promise<void>> | undefined
  /** Called when a stream has ended and is no longer counted. An error that it throws is logged. @defaultValue none */
  onClose?: ((subscriber: Subscriber, reason: CloseReason) => void | Promise<void>) | undefined
  /**
   * Returns additional response headers for an event stream. A header that HTTP does not allow, or that the event stream itself sets and that
   * cannot be changed, is refused with FST_SSE_HEADER_INVALID.
   *
   * @defaultValue none
   */
  headers?: OfRequest<(request: FastifyRequest) => StreamHeaders | Promise<StreamHeaders>> | undefined
  /** The path of the browser client, below `prefix`. The modules that it loads are served beside it. `false`: not served. @defaultValue '/sse/client.js' */
  client?: string | false | undefined
  /** The path of the inspector, a page that shows streams and the declared events, below `prefix`. `true`: '/sse/'. @defaultValue false */
  inspector?: string | boolean | undefined
  /** Your own pages: `root` is an absolute directory, the other keys are options of @fastify/static. `false`: none are served. @defaultValue false */
  static?: StaticOptions | false | undefined
  /**
   * The @fastify/cors options for the routes of this plugin only. `false`: pages of other origins may not read.
   *
   * @defaultValue { origin: '*' }, or the application's own @fastify/cors if it has registered one
   */
  cors?: CorsOptions | false | undefined
  /** The bounds of the events kept for replay. `false`: no IDs and no replay. @defaultValue { maxEvents: 10_000, maxBytes: 16 MiB, maxAge: false } */
  history?: { maxEvents?: number | undefined, maxBytes?: number | undefined, maxAge?: number | false | undefined } | false | undefined
  /** The time that a reader waits before it reconnects; two bounds: a random time between them for each reader. @defaultValue { min: 1000, max: 5000 } */
  reconnectionTime?: number | ReconnectionTime | undefined
  /** The longest time until a heartbeat shows readers and proxies that the stream is alive; `false`: no heartbeats. @defaultValue 15_000 */
  heartbeatInterval?: number | false | undefined
  /** `true`: heartbeats are `sse.heartbeat` events. `false`: they are comments, which pages cannot see. @defaultValue true if there are heartbeats */
  heartbeatEvent?: boolean | undefined
  /**
   * The events after an `sse.gap`. `'replay'`: all kept events, then new ones. `'live'`: only new events, so that a made-up event ID gets no history.
   *
   * @defaultValue 'replay'
   */
  afterGap?: AfterGap | undefined
  /** A subscriber is disconnected if its socket has bytes waiting and accepts none of them for this long. `false`: never. @defaultValue 30_000 */
  stallTimeout?: number | false | undefined
  /** A stream ends after this long without an event; its reader decides whether to reconnect. `false`: never. @defaultValue false */
  idleTimeout?: number | false | undefined
  /** A stream ends at 80 to 100 % of this age, and its reader reconnects, perhaps to another process. `false`: never. @defaultValue false */
  maxLifetime?: number | false | undefined
  /** The most bytes that may wait in a subscriber's socket. Beyond this, nothing is written to it until the socket drains. @defaultValue 256 KiB */
  maxBacklogBytes?: number | undefined
  /** The treatment of a subscriber that has fallen behind the oldest event: it gets `sse.gap`, or its stream ends. @defaultValue 'skip' */
  slowSubscriber?: SlowSubscriber | undefined
  /** The maximum size of the data of one event. @defaultValue 1 MiB */
  maxPayloadBytes?: number | undefined
  /** The maximum number of channels that one subscriber may hear. @defaultValue 100 */
  maxChannelsPerSubscriber?: number | undefined
  /** The maximum number of open event streams of this hub (one registration of the plugin). @defaultValue Infinity */
  maxSubscribers?: number | undefined
  /** The maximum number of open event streams of this hub for one key of `keyGenerator`. @defaultValue Infinity */
  maxSubscribersPerKey?: number | undefined
  /**
   * Returns the key that a request counts for, text or a number. Called after the hooks of the route if `maxSubscribersPerKey` is set. Empty
   * text is refused with FST_SSE_OPTION_INVALID.
   *
   * @defaultValue the IP address of the request
   */
  keyGenerator?: OfRequest<(request: FastifyRequest) => string | number | Promise<string | number>> | undefined
  /** The response to a request when a limit on subscribers is reached. @defaultValue 'retry' */
  overload?: Overload | undefined
  /** Compresses events of at least `minBytes` for readers that accept gzip, each once for all readers. `true`: 256 bytes. @defaultValue false */
  compress?: boolean | { minBytes?: number | undefined } | undefined
  /**
   * The time that `app.close()` waits for readers to receive the end of their streams before it cuts the connections; 0: no wait. Streams that
   * `disconnect` or `expiresAt` has ended get this time, too.
   *
   * @defaultValue 5000
   */
  shutdownTimeout?: number | undefined
  /**
   * The broker, which places events in one order for all processes that share its engine, and keeps them over a restart: `redisBroker`,
   * `sqliteBroker`, or your own. One broker object belongs to one registration.
   *
   * @defaultValue memoryBroker(), whose order ends with the process
   */
  broker?: Broker | undefined
  /**
   * The time that registration waits for the engine of the broker, and for the events that it has kept. Afterwards registration fails with
   * FST_SSE_BROKER_UNAVAILABLE. `false`: the application starts without the engine, and goes on when it is there. @defaultValue 5000
   */
  waitForBroker?: number | false | undefined
  /**
   * Makes the stream route plain: without events of the plugin, for programs that take every event for one of the application. `end`: the data of a
   * last event of a stream that the application ends. The result of `subscribe` may override it. @defaultValue false
   */
  plain?: Plain | undefined
  /**
   * The defaults and bounds of runs: `keepFor` and `maxBytes` of each, and `maxRuns`, the most runs that this process may know at a time.
   *
   * @defaultValue { keepFor: 60_000, maxBytes: 4 MiB, maxRuns: 10_000 }
   */
  runs?: { keepFor?: number | undefined, maxBytes?: number | undefined, maxRuns?: number | undefined } | undefined
  /** The `prefix` of Fastify's `register`. It precedes `path`, `client`, `inspector` and the prefix of `static`. @defaultValue '' */
  prefix?: string
}
