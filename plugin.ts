import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { Admission } from './lib/admission.ts'
import { Broadcaster } from './lib/broadcast.ts'
import { serveClient } from './lib/browser-clients.ts'
import { harmless, logError } from './lib/callbacks.ts'
import { EVERYBODY } from './lib/channel-name.ts'
import { Channels } from './lib/channels.ts'
import { Clock } from './lib/clock.ts'
import { Closing } from './lib/closing.ts'
import { declareForBrowsers, hasCors, methodsOf } from './lib/cors.ts'
import { errorCodes } from './lib/error-codes.ts'
import { DecoratorTaken } from './lib/errors.ts'
import { EventEncoder } from './lib/event-encoder.ts'
import { EventStreams } from './lib/event-stream.ts'
import { defineEvents, EventTypes } from './lib/event-types.ts'
import { Hub } from './lib/hub.ts'
import { serveInspector } from './lib/inspector.ts'
import { Log } from './lib/log.ts'
import { MemoryBroker } from './lib/memory-broker.ts'
import { readOptions, type SsePluginOptions } from './lib/options.ts'
import { serversOf, takeOutOfService } from './lib/out-of-service.ts'
import { encodeOpening } from './lib/own-events.ts'
import { servePages } from './lib/pages.ts'
import { forbidCaching } from './lib/plain-answer.ts'
import { Pump } from './lib/pump.ts'
import { isSse, Sse } from './lib/sse.ts'
import { claim, fullUrl } from './lib/urls.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Typed events to every connected browser: `app.sse.broadcast(event, data)`. Typed by the `Events` interface, or by
     * `app.sse.of(events)`.
     */
    sse: Sse
  }
}

const plugin: FastifyPluginAsync<SsePluginOptions> = async (app, options) => {
  const settings = readOptions(options)
  const { url } = settings
  const stream = url === false ? null : fullUrl(app, url)
  refuseTwice(app)
  if (url !== false) {
    claim(app, [url], {
      methods: methodsOf(app, settings.cors),
      constraints: settings.route.constraints,
      advice: 'the event stream another "path" or "prefix"'
    })
  }

  const eventTypes = await EventTypes.compile(settings.events)
  const encoder = new EventEncoder(eventTypes, settings.maxPayloadBytes)
  const broker = new MemoryBroker()
  const origin = await broker.start((position, publication) => {
    channels.append(position, publication)
    for (const channel of publication.channels) pump.wake(hub.of(channel))
  })
  const clock = new Clock()
  const log = new Log({
    origin,
    bounds: settings.history,
    minBytesToCompress: settings.compress === false ? Infinity : settings.compress.minBytes,
    keeps: settings.keepsHistory,
    now: () => clock.now,
    evicted: (entry) => channels.evict(entry)
  })
  const channels = new Channels(log)
  const pump = new Pump(log, channels)
  const closing = new Closing(settings.shutdownTimeout)
  const hub = new Hub({
    reconnectionTime: settings.reconnectionTime,
    closing,
    limits: settings.limits,
    now: () => clock.now,
    encode: (event, payload) => encoder.encode(event, payload),
    ready: (delivery) => pump.add(delivery),
    pushedBack: (delivery, isPushedBack) => pump.passBy(delivery, isPushedBack),
    onClose: harmless(app.log, 'onClose', settings.onClose),
    failed: (err, event) => logError(app.log, { err, event }, 'sse: an event for one reader failed'),
    predicateFailed: (err) => logError(app.log, { err }, 'sse: the predicate of "disconnect" threw')
  })
  const broadcaster = new Broadcaster({ eventTypes, encoder, broker, log })
  const eventStreams = new EventStreams({
    log,
    channels,
    hub,
    headers: settings.headers,
    opening: encodeOpening({
      heartbeatInterval: settings.heartbeatInterval,
      heartbeatEvent: settings.limits.heartbeatEvent,
      text: eventTypes.textEvents
    }),
    admission: new Admission(settings.admission),
    overload: settings.overload,
    afterGap: settings.afterGap,
    closing,
    compresses: settings.compress !== false,
    onSubscribe: harmless(app.log, 'onSubscribe', settings.onSubscribe)
  })
  app.decorate('sse', new Sse({ log, channels, hub, eventTypes, broadcaster, eventStreams, clock, logger: app.log }))

  if (url !== false) {
    await declareForBrowsers(app, settings.cors, {
      ...settings.route,
      method: ['GET', 'HEAD'],
      url,
      // A HEAD twin of Fastify's own would open a stream and never answer.
      exposeHeadRoute: false,
      onError: [async (_request, reply) => { forbidCaching(reply) }, ...[settings.route.onError ?? []].flat()],
      handler: async (request, reply) => { await eventStreams.subscribeBy(reply, () => settings.subscribe(request)) }
    })
  }
  if (settings.client !== false) await serveClient(app, settings.client, settings.cors)
  if (settings.inspector !== false) await serveInspector(app, settings.inspector, { stream, events: eventTypes.describe() })
  if (settings.static !== false) await servePages(app, settings.static)

  app.addHook('onReady', async () => {
    clock.start(settings.pace, (times) => {
      hub.look(times)
      pump.tidy()
    })
    if (stream !== null && settings.cors !== false && settings.cors.isDefault && !hasCors(app)) {
      app.log.info(`sse: pages of any origin may read ${stream}; the option "cors" says who else`)
    }
  })
  // Another's server, of a `serverFactory`, is not this application's to close.
  let listens = false
  app.addHook('onListen', async () => { listens = true })
  // Not onClose: the server waits for open streams before that.
  app.addHook('preClose', async () => {
    await broadcaster.close()
    if (listens) for (const server of new Set([...serversOf(app), ...eventStreams.servers])) takeOutOfService(server)
    await Promise.all([eventStreams.close(), hub.close()])
    clock.stop()
  })
  // For those that opened since: their connections are gone.
  app.addHook('onClose', () => hub.close())
}

function refuseTwice (app: FastifyInstance): void {
  // The own property alone: a child scope may have a hub besides its parent's.
  if (Object.hasOwn(app, 'sse')) throw new DecoratorTaken(isSse(app.sse) ? ' of this plugin: register it once here, or in a child scope of its own' : '')
}

/**
 * Server-Sent Events with typed events: decorates the instance with `sse`, and declares the stream route, by default `GET /events`.
 *
 * @example await app.register(ssePlugin, { events })
 * @see SsePluginOptions
 */
const ssePlugin = Object.assign(
  fastifyPlugin(plugin, { name: 'fastify-typed-sse', fastify: '5.x' }),
  {
    /** Declares events: their names, and a TypeBox schema for the payload of each. */
    defineEvents,
    /** The classes of this plugin's errors, each under its code: `error instanceof errorCodes.FST_SSE_CLOSED`. */
    errorCodes,
    /** The channel that every subscriber hears unless it asked for others. */
    EVERYBODY
  } as const
)

export default ssePlugin
export { ssePlugin, defineEvents, errorCodes, EVERYBODY }
export type { Broadcast } from './lib/broadcast.ts'
export type { BroadcastOptions, CloseOptions, StreamOptions, SubscribeOptions } from './lib/call-options.ts'
export type { Channel, ChannelBroadcastOptions } from './lib/channel.ts'
export type { CloseReason } from './lib/close-reason.ts'
export type { ErrorCodes, SseError } from './lib/error-codes.ts'
export type { Failure, PayloadInvalid } from './lib/errors.ts'
export type { ReplyOfAnyServer } from './lib/event-stream.ts'
export type { Declaration, Declarations, EncodedEventsOf, EventsOf } from './lib/event-types.ts'
export type { AnyEvents, Events, RegisteredEvents } from './lib/events.ts'
export type { GapReason } from './lib/gap-reason.ts'
export type { ReconnectionTime } from './lib/hub.ts'
export type { Overload, SlowSubscriber, SsePluginOptions, StreamHeaders } from './lib/options.ts'
export type { CorsOptions, StaticOptions } from './lib/route-options.ts'
export type { AnySchema, EncodedPayload, Payload } from './lib/payload.ts'
export type { AfterGap } from './lib/placement.ts'
export type { SafePromise } from './lib/safe-promise.ts'
export type { Source } from './lib/source.ts'
export type { Sse, Stats } from './lib/sse.ts'
export type { Subscriber } from './lib/subscriber.ts'
export type { SubscriberContext } from './lib/subscriber-context.ts'
