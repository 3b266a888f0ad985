import Fastify, { LogController, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import ssePlugin, { memoryBroker, type Broker } from '../plugin.ts'
import { answersRoute } from './answers.ts'
import { clockText } from './clock-text.ts'
import { answerEvents, events, type Machine, type TestEvent } from './events.ts'
import { every } from './every.ts'
import { MachineMeter } from './machine.ts'
import { members } from './members.ts'
import { notesRoute } from './notes.ts'
import { originsOf, portOf } from './origins.ts'
import { Outage, outageRoute } from './outage.ts'
import { setUpPages } from './page-setting.ts'
import { PUBLIC } from './pages.ts'
import { Recent, recentRoute } from './recent.ts'

interface AppOptions {
  readonly host: string
  /** The port of the second origin. */
  readonly pagesPort: number
  readonly logger: FastifyServerOptions['logger']
  /** The broker of the events. @defaultValue memoryBroker() */
  readonly broker?: Broker
}

/** Builds the server of the event streams, which also serves the demo pages. */
export async function buildApp ({ host, pagesPort, logger, broker = memoryBroker() }: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger: logger ?? false, logController: new LogController({ disableRequestLogging: true }), forceCloseConnections: true })
  const pagesOrigins = originsOf(host, pagesPort)
  const outage = new Outage()
  // One per second for the minute that the chart of the start page shows.
  const samples = new Recent<Machine>(60)
  const testEvents = new Recent<TestEvent>(50)

  setUpPages(app, {
    ports: () => ({ streams: portOf(app), pages: pagesPort }),
    connectTo: () => []
  })
  broadcastTheMachine(app, samples)
  broadcastTheTime(app, testEvents)

  await app.register(ssePlugin, {
    events: [events, answerEvents],
    inspector: true,
    static: { root: PUBLIC, prefix: '/' },
    route: { onRequest: outage.onRequest },
    onSubscribe: outage.onSubscribe,
    onClose: outage.onClose,
    // Shorter than an outage of this demo: otherwise a browser might come back after the outage and not get the 503.
    reconnectionTime: { min: 500, max: 1500 },
    shutdownTimeout: 500,
    // Anybody may ask.
    runs: { maxRuns: 200, maxBytes: 64 * 1024 },
    broker
  })
  await app.register(notesRoute, { prefix: '/notes', pagesOrigins })
  await app.register(answersRoute, { prefix: '/answers', pagesOrigins })
  await app.register(outageRoute, { prefix: '/outage', pagesOrigins, outage })
  await app.register(recentRoute, { prefix: '/machine', pagesOrigins, recent: samples })
  await app.register(recentRoute, { prefix: '/test-events', pagesOrigins, recent: testEvents })
  await app.register(members, { prefix: '/members', pagesOrigins, signInOrigins: () => [...pagesOrigins, ...originsOf(host, portOf(app))] })
  return app
}

function broadcastTheMachine (app: FastifyInstance, samples: Recent<Machine>): void {
  const meter = new MachineMeter()
  app.addHook('onReady', async () => meter.start())
  app.addHook('onClose', async () => meter.stop())
  every(app, 1000, () => {
    const sample = meter.sample()
    samples.add(sample)
    void app.sse.of(events).broadcast('machine', sample)
  })
}

function broadcastTheTime (app: FastifyInstance, testEvents: Recent<TestEvent>): void {
  let count = 0
  every(app, 2000, () => {
    const sse = app.sse.of(events)
    const subscribers = sse.count()
    void sse.broadcast('message', `send data: ${clockText(new Date())}`)
    const testEvent = { count: ++count, subscribers }
    // Before the broadcast: a snapshot must contain every event up to its position.
    testEvents.add(testEvent)
    void sse.broadcast('test-event', testEvent)
    app.log.info({ subscribers }, `${subscribers} ${subscribers === 1 ? 'subscriber' : 'subscribers'}`)
  })
}
