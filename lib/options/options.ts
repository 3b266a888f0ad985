import type { FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { AfterGap } from '../cursor/placement.ts'
import type { Overload } from '../open/plain-responses.ts'
import type { StreamHeaders } from '../open/response-head.ts'
import type { SubscribeOptions } from '../open/subscribe-options.ts'
import type { CorsOptions, StaticOptions } from '../routes/route-options.ts'
import type { Declarations } from '../schema/declarations.ts'
import type { ReconnectionTime } from '../subscribers/reconnection-time.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { CloseReason } from '../wire/reasons.ts'

/** A function of yours that is given a request: type that as your route does, with its query and its parameters. */
type OfRequest<F extends (...args: never[]) => unknown> = { bivariant (...args: Parameters<F>): ReturnType<F> }['bivariant']

/** `'skip'`: it is told with `sse.gap`, and goes on. `'close'`: its stream ends; its reader comes back and is told then. */
export type SlowSubscriber = 'skip' | 'close'

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
