import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { Broadcaster } from './lib/broadcast.ts'
import { declareForBrowsers, hasCors, servePages } from './lib/browser-clients.ts'
import { harmless } from './lib/callbacks.ts'
import { EVERYBODY, View } from './lib/channels.ts'
import { DecoratorTaken, PathTaken } from './lib/errors.ts'
import { EventStreams } from './lib/event-stream.ts'
import { defineEvents, EventTypes } from './lib/event-types.ts'
import { Hub } from './lib/hub.ts'
import { Log } from './lib/log.ts'
import { MemoryBroker } from './lib/memory-broker.ts'
import { readOptions, type Settings, type SsePluginOptions } from './lib/options.ts'
import { Pump } from './lib/pump.ts'
import { Sse } from './lib/sse.ts'

declare module 'fastify' {
  interface FastifyInstance {
    sse: Sse
  }
}

/**
 * Server-Sent Events with typed events: decorates the instance with `sse`, and declares the stream route, by default `GET /events`.
 *
 * @see SsePluginOptions
 */
const plugin: FastifyPluginAsync<SsePluginOptions> = async (app, options) => {
  const settings = readOptions(options)
  const { url } = settings
  refuseTaken(app, settings)

  const eventTypes = await EventTypes.compile(settings.events)
  const broker = new MemoryBroker()
  const origin = await broker.start((position, { channels, body }) => {
    log.append(position, channels, body)
    pump.wake(hub)
  })
  const log = new Log(origin, settings.history, settings.keepsHistory, () => performance.now())
  const view = new View(log, [EVERYBODY])
  const pump = new Pump(log, view)
  const hub = new Hub({
    reconnectionTime: settings.reconnectionTime,
    shutdownTimeout: settings.shutdownTimeout,
    ready: (subscriber) => pump.add(subscriber),
    onClose: harmless(app.log, 'onClose', settings.onClose)
  })
  const broadcaster = new Broadcaster({
    eventTypes,
    broker,
    log,
    withIds: settings.keepsHistory,
    maxPayloadBytes: settings.maxPayloadBytes
  })
  const eventStreams = new EventStreams({
    log,
    view,
    hub,
    maxBacklogBytes: settings.maxBacklogBytes,
    headers: settings.headers,
    onSubscribe: harmless(app.log, 'onSubscribe', settings.onSubscribe)
  })

  app.decorate('sse', new Sse({ log, hub, eventTypes, broadcaster, eventStreams, logger: app.log }))

  if (url !== false) {
    await declareForBrowsers(app, settings.cors, {
      ...settings.route,
      method: ['GET', 'HEAD'],
      url,
      // A HEAD twin of Fastify's own would open a stream and never answer.
      exposeHeadRoute: false,
      handler: async (request, reply) => { await eventStreams.subscribe(reply, await settings.subscribe(request)) }
    })
  }
  if (settings.static !== false) await servePages(app, settings.static)

  app.addHook('onReady', async () => {
    if (url !== false && settings.cors !== false && settings.cors.isDefault && !hasCors(app)) {
      app.log.info(`sse: pages of any origin may read ${app.prefix}${url}; the option "cors" says who else`)
    }
  })
  // Not onClose: the server waits for open streams before that.
  app.addHook('preClose', async () => {
    await broadcaster.close()
    await hub.close()
  })
}

function refuseTaken (app: FastifyInstance, { url, route: { constraints = {} } }: Settings): void {
  // The own property alone: a child scope may have a hub besides its parent's.
  if (Object.hasOwn(app, 'sse')) throw new DecoratorTaken(app.sse instanceof Sse ? ' of this plugin: register it once here, or in a child scope of its own' : '')
  if (url === false) return
  for (const method of ['GET', 'HEAD'] as const) {
    if (app.hasRoute({ method, url: app.prefix + url, constraints })) throw new PathTaken(method, app.prefix + url)
  }
}

const ssePlugin = Object.assign(
  fastifyPlugin(plugin, { name: 'fastify-typed-sse', fastify: '5.x' }),
  { defineEvents, EVERYBODY }
)

export default ssePlugin
// What `require` gives: the plugin itself, as Fastify's own plugins do.
export { ssePlugin, ssePlugin as 'module.exports', defineEvents, EVERYBODY }
export type { Broadcast } from './lib/broadcast.ts'
export type { CloseReason } from './lib/close-reason.ts'
export type { Failure, PayloadInvalid } from './lib/errors.ts'
export type { ReplyOfAnyServer } from './lib/event-stream.ts'
export type { AnySchema, Declaration, Declarations, EncodedEventsOf, EncodedPayload, EventsOf, Payload } from './lib/event-types.ts'
export type { ReconnectionTime } from './lib/hub.ts'
export type { SsePluginOptions, StreamHeaders, SubscribeOptions } from './lib/options.ts'
export type { AnyEvents, Events, RegisteredEvents, Sse, Stats } from './lib/sse.ts'
export type { Subscriber, SubscriberContext } from './lib/subscriber.ts'
