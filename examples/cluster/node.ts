import Fastify from 'fastify'
import ssePlugin, { type EventsOf, type Subscriber } from 'fastify-typed-sse'
import { redisBroker } from 'fastify-typed-sse/redis'
import { servePage, start } from '../start.ts'
import { events, type Name } from './events.ts'

// One node of the cluster, as a child process of server.ts.

const [name, port, redis] = process.argv.slice(2) as [Name, string, string]

// Otherwise the nodes would outlive a supervisor that was killed.
process.once('disconnect', () => process.exit())
// Otherwise the listener would keep this process running after the application has closed.
process.channel!.unref()

const app = Fastify({ logger: { level: 'warn', name: `node ${name}` } })

await app.register(ssePlugin, {
  events,
  broker: redisBroker({ connection: redis }),
  cors: false,
  // Shorter than the default, so that you see at once where a reader goes.
  reconnectionTime: { min: 200, max: 1000 },
  headers: () => ({ 'x-node': name }),
  // A page cannot read the headers of its stream.
  onSubscribe (subscriber: Subscriber<EventsOf<typeof events>>) { void subscriber.send('node', { name }) }
})

app.get('/node', async (_request, reply) => reply.header('cache-control', 'no-store').send({ name }))

// For a load balancer that asks before it sends readers here.
app.get('/health', async (_request, reply) => {
  const { isReady } = app.sse
  return reply.code(isReady ? 200 : 503).header('cache-control', 'no-store').send({ name, isReady, broker: app.sse.stats().broker })
})

await servePage(app, new URL(import.meta.url))
await start(app, port)
process.send!('ready')
