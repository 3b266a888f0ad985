import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { guarded, logError, logUnanswered } from './lib/api/guarded-callbacks.ts'
import { LoggedBroadcasts } from './lib/api/logged-broadcasts.ts'
import { Sse } from './lib/api/sse.ts'
import { isSse } from './lib/api/sse-symbol.ts'
import { memoryBroker } from './lib/broker/memory-broker.ts'
import { NO_POSITION } from './lib/broker/position.ts'
import { Readiness } from './lib/broker/readiness.ts'
import { startOrder } from './lib/broker/starting.ts'
import { Cluster } from './lib/cluster/cluster.ts'
import { Views } from './lib/cursor/views.ts'
import { errorCodes } from './lib/error-codes.ts'
import { DecoratorTaken } from './lib/errors.ts'
import { ChannelIndex } from './lib/log/channel-index.ts'
import { EVERYBODY } from './lib/log/channel-name.ts'
import { Log } from './lib/log/log.ts'
import { Replica } from './lib/log/replica.ts'
import { Admission } from './lib/open/admission.ts'
import { CatchingUp } from './lib/open/catching-up.ts'
import { LogFeed } from './lib/open/log-feed.ts'
import { serversOf } from './lib/open/servers.ts'
import { stopListening } from './lib/open/stop-listening.ts'
import { StreamOpener } from './lib/open/stream-opener.ts'
import { StreamStarter } from './lib/open/stream-starter.ts'
import type { SsePluginOptions } from './lib/options/options.ts'
import { readOptions } from './lib/options/defaults.ts'
import { Broadcaster } from './lib/publish/broadcaster.ts'
import { EventEncoder } from './lib/publish/event-encoder.ts'
import { serveClient } from './lib/routes/browser-client.ts'
import { hasCors } from './lib/routes/cors.ts'
import { serveInspector } from './lib/routes/inspector.ts'
import { servePages } from './lib/routes/pages.ts'
import { claimStreamRoute, serveStream } from './lib/routes/stream-route.ts'
import { fullUrl } from './lib/routes/urls.ts'
import { Runs } from './lib/runs/runs.ts'
import { defineEvents } from './lib/schema/declarations.ts'
import { EventTypes } from './lib/schema/event-types.ts'
import { Hub } from './lib/subscribers/hub.ts'
import { FanOutPump } from './lib/subscribers/fan-out-pump.ts'
import { Clock } from './lib/time/clock.ts'
import { ShutdownDeadline } from './lib/time/shutdown-deadline.ts'
import { eventForm } from './lib/wire/stream-form.ts'

// The entry point of the package: connects the parts of the plugin, and registers its routes and hooks.

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The event streams of this application: `app.sse.broadcast(event, data)` sends an event to every connected browser. Payloads are typed by
     * the `Events` interface, or by `app.sse.of(events)`.
     */
    sse: Sse
  }
}

const plugin: FastifyPluginAsync<SsePluginOptions> = async (app, options) => {
  const settings = readOptions(options)
  const { url } = settings
  const stream = url === false ? null : fullUrl(app, url)
  refuseTwice(app)
  if (url !== false) claimStreamRoute(app, url, settings.route, settings.cors)

  const eventTypes = await EventTypes.compile(settings.events)
  const encoder = new EventEncoder(eventTypes, settings.maxPayloadBytes)
  const { broker } = settings
  const order = broker.order('events')
  const clock = new Clock()
  const log = new Log({
    origin: NO_POSITION,
    bounds: settings.history,
    minBytesToCompress: settings.compress === false ? Infinity : settings.compress.minBytes,
    keeps: settings.keepsHistory,
    now: () => clock.now,
    evicted: (entry) => channels.evict(entry)
  })
  const channels = new ChannelIndex(log)
  const views = new Views(log, channels)
  const pump = new FanOutPump(log, views)
  const shutdownDeadline = new ShutdownDeadline(settings.shutdownTimeout)
  const hub = new Hub({
    reconnectionTime: settings.reconnectionTime,
    shutdownDeadline,
    limits: settings.limits,
    form: eventForm({ heartbeatInterval: settings.heartbeatInterval, heartbeatEvent: settings.heartbeatEvent, text: eventTypes.textEvents }),
    now: () => clock.now,
    encode: (event, payload) => encoder.encode(event, payload),
    onClose: guarded(app.log, 'onClose', settings.onClose),
    failed: (err, event) => logError(app.log, { err, event }, 'sse: sending an event to one subscriber failed'),
    predicateFailed: (err) => logError(app.log, { err }, 'sse: the predicate of "disconnect" threw')
  })
  const replica = new Replica({
    log,
    channels,
    wake: (names) => { for (const name of names) pump.wake(hub.of(name)) },
    wakeAll: () => { for (const { delivery } of hub) pump.add(delivery) },
    served: () => pump.served()
  })
  const broadcaster = new Broadcaster({ eventTypes, encoder, order, log })
  const starter = new StreamStarter({
    hub,
    shutdownDeadline,
    onSubscribe: guarded(app.log, 'onSubscribe', settings.onSubscribe)
  })
  const feed = new LogFeed({
    log,
    views,
    pump,
    catchingUp: new CatchingUp(order, replica),
    afterGap: settings.afterGap,
    compresses: settings.compress !== false
  })
  const streamOpener = new StreamOpener({
    hub,
    starter,
    feed,
    headers: settings.headers,
    admission: new Admission(settings.admission),
    overload: settings.overload,
    shutdownDeadline
  })
  const cluster = new Cluster({
    order: broker.order('nodes'),
    count: (channel) => channel === undefined ? hub.size : hub.of(channel).size,
    disconnect: (channel, final) => hub.revoke(channel, () => true, final),
    isRead: (id, within) => runs.isRead(id, within),
    disconnectAll: () => hub.revoke(undefined, () => true, false)
  })
  const runs: Runs = new Runs({
    broker,
    cluster,
    eventTypes,
    encoder,
    opener: streamOpener,
    settings: settings.runs,
    afterGap: settings.afterGap,
    now: () => clock.now,
    mergeFailed: (err, event) => logError(app.log, { err, event }, 'sse: the option "merge" of an event threw; its events stay apart'),
    failed: (err, run, message) => logError(app.log, { err, run }, message),
    subscribeFailed: (reply, err) => logUnanswered(app.log, reply, err)
  })
  const readiness = new Readiness(broker)
  const broadcasts = new LoggedBroadcasts(broadcaster, app.log)
  app.decorate('sse', new Sse({
    broker, log, channels, views, hub, eventTypes, broadcaster, broadcasts, cluster, readiness, streamOpener, runs, clock, logger: app.log
  }))

  if (url !== false) {
    const open = (request: FastifyRequest, reply: FastifyReply): Promise<unknown> =>
      streamOpener.subscribeBy(reply, () => settings.subscribe(request), settings.plain)
    await serveStream(app, url, settings.route, settings.cors, open)
  }
  if (settings.client !== false) await serveClient(app, settings.client, settings.cors)
  if (settings.inspector !== false) await serveInspector(app, settings.inspector, { stream, events: eventTypes.describe() })
  if (settings.static !== false) await servePages(app, settings.static)

  // Last, because the broker places events from now on.
  const bounds = { ...settings.history, keepFor: Infinity }
  await startOrder({ broker, order, listener: replica, bounds, timeout: settings.waitForBroker, logger: app.log, loaded: () => readiness.loaded() })
  cluster.start()

  app.addHook('onReady', async () => {
    clock.start(settings.tickInterval, (times) => {
      hub.checkDeadlines(times)
      runs.tick()
      pump.tidy()
    })
    if (stream !== null && settings.cors !== false && settings.cors.isDefault && !hasCors(app)) {
      app.log.info(`sse: pages of any origin may read ${stream}; the option "cors" restricts this`)
    }
  })
  // Set only if this application listens itself, because a server from `serverFactory` may belong to other code.
  let listens = false
  app.addHook('onListen', async () => { listens = true })
  // In preClose, because the server waits for open streams before it runs onClose.
  app.addHook('preClose', async () => {
    shutdownDeadline.begin()
    // While the engine is away, events wait for half of the time, so that streams still get their end.
    const patience = broker.health().up ? shutdownDeadline.left : shutdownDeadline.left / 2
    await Promise.all([broadcaster.close(patience), runs.close(patience).then(() => cluster.close(patience))])
    await broker.close()
    if (listens) for (const server of new Set([...serversOf(app), ...starter.servers])) stopListening(server)
    await Promise.all([streamOpener.close(), hub.close()])
    clock.stop()
  })
  // Again, for streams that have opened since. Their connections have closed by now.
  app.addHook('onClose', () => hub.close())
}

function refuseTwice (app: FastifyInstance): void {
  // Only an own property, because a child scope may have a hub besides its parent's.
  if (Object.hasOwn(app, 'sse')) throw new DecoratorTaken(isSse(app.sse) ? ' of this plugin: register it once here, or in a child scope of its own' : '')
}

// Typed, because the compiler otherwise spends more than a second on the overloads of `fastifyPlugin` in every program that imports this file.
const withoutScope: FastifyPluginAsync<SsePluginOptions> = fastifyPlugin(plugin, { name: 'fastify-typed-sse', fastify: '5.x' })

/**
 * The Fastify plugin for typed Server-Sent Events: decorates the instance with `sse`, and declares the stream route, by default `GET /events`.
 *
 * @example await app.register(ssePlugin, { events })
 * @see SsePluginOptions
 */
const ssePlugin = Object.assign(
  withoutScope,
  {
    /** Declares events: their types, and a TypeBox schema for the payload of each. */
    defineEvents,
    /** The error classes of this plugin, by code: `error instanceof errorCodes.FST_SSE_CLOSED`. */
    errorCodes,
    /** The name of the channel that every subscriber hears by default. */
    EVERYBODY,
    /** Creates the default broker, whose order ends with the process. */
    memoryBroker
  } as const
)

export default ssePlugin
export { ssePlugin, defineEvents, errorCodes, EVERYBODY, memoryBroker }
export type { Channel, ChannelBroadcastOptions } from './lib/api/channel.ts'
export type { Sse } from './lib/api/sse.ts'
export type { Stats } from './lib/api/stats.ts'
export type { AnyEvents, Events, RegisteredEvents, SubscriberContext } from './lib/augmentable.ts'
export type { Broker, BrokerHealth, BrokerReports, EventRecord, Order, OrderBounds, OrderListener, Placed } from './lib/broker/broker.ts'
export type { Position } from './lib/broker/position.ts'
export type { AfterGap } from './lib/cursor/placement.ts'
export type { ErrorCodes, SseError } from './lib/error-codes.ts'
export type { BrokerUnavailable, Failure, PayloadInvalid } from './lib/errors.ts'
export type { Overload } from './lib/open/refusals.ts'
export type { StreamHeaders } from './lib/open/response-head.ts'
export type { ReplyOfAnyServer } from './lib/open/stream-opener.ts'
export type { Plain, SubscribeOptions } from './lib/open/subscribe-options.ts'
export type { SlowSubscriber, SsePluginOptions } from './lib/options/options.ts'
export type { BroadcastOptions } from './lib/publish/broadcast-options.ts'
export type { Broadcast } from './lib/publish/broadcaster.ts'
export type { CorsOptions, StaticOptions } from './lib/routes/route-options.ts'
export type { Run } from './lib/runs/run.ts'
export type { RunItem, RunSubscribeOptions, StartOptions } from './lib/runs/run-options.ts'
export type { RunEnd, RunStatus } from './lib/runs/run-status.ts'
export type { RunStats } from './lib/runs/run-stats.ts'
export type { Runs } from './lib/runs/runs.ts'
export type { SafePromise } from './lib/safe-promise.ts'
export type { Declaration, Declarations, EncodedEventsOf, EventsOf } from './lib/schema/declarations.ts'
export type { AnySchema, EncodedPayload, Payload } from './lib/schema/payload.ts'
export type { CloseOptions, StreamOptions } from './lib/subscribers/close-options.ts'
export type { ReconnectionTime } from './lib/subscribers/reconnection-time.ts'
export type { Source } from './lib/subscribers/stream-source.ts'
export type { Subscriber } from './lib/subscribers/subscriber.ts'
export type { CloseReason, GapReason } from './lib/wire/reasons.ts'
