import { setTimeout } from 'node:timers/promises'
import type { Static } from '@sinclair/typebox'
import Fastify from 'fastify'
import ssePlugin from 'fastify-typed-sse'
import { redisBroker } from 'fastify-typed-sse/redis'
import { freePorts } from '../free-ports.ts'
import { events, killBody, NAMES } from './events.ts'
import { configure } from './nginx.ts'
import { Nodes } from './nodes.ts'
import { isInstalled, Program } from './program.ts'

// The supervisor: starts Redis, nginx and three nodes, publishes the count, and kills a node on request.

const COUNT_INTERVAL = 200
const STATE_INTERVAL = 1000
/** Longer than the nodes wait for their readers. */
const STOP_TIMEOUT = 10_000

for (const command of ['redis-server', 'nginx']) {
  if (isInstalled(command)) continue
  console.error(`${command} is not installed: run \`npm run setup:system\``)
  process.exit(1)
}

const [redisPort, anyPort, ...nodePorts] = await freePorts(2 + NAMES.length)
const port = Number(process.env.PORT ?? 3000) || anyPort!
const origins = ['127.0.0.1', 'localhost'].map((host) => new URL(`http://${host}:${port}`).origin)
const connection = `redis://127.0.0.1:${redisPort}`

const app = Fastify({ logger: true })
const nodes = new Nodes(nodePorts, connection, app.log)
const programs: Program[] = []
let counting = Promise.resolve()
let isStopping = false

function run (command: string, args: (folder: string) => string[]): void {
  const program = new Program(command, args)
  programs.unshift(program)
  void program.ended.then((printed) => fail(`${command} has ended`, { printed }))
}

/** Stops everything and exits, at the first call. */
async function stop (code: number): Promise<void> {
  if (isStopping) return
  isStopping = true
  void setTimeout(STOP_TIMEOUT).then(() => process.exit(1))
  await counting
  await nodes.stop()
  await app.close()
  // Redis last, because the others need it to close.
  for (const program of programs) await program.stop()
  process.exit(code)
}

function fail (message: string, details: object): void {
  if (!isStopping) app.log.error(details, message)
  void stop(1)
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { void stop(0) })

run('redis-server', (folder) => ['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', ''])

// A node without readers. It takes part in the cluster as the others do.
await app.register(ssePlugin, { events, broker: redisBroker({ connection }), path: false, client: false })

app.post<{ Body: Static<typeof killBody> }>('/kill', {
  schema: { body: killBody },
  // A browser names the origin of the page in every POST request. Other programs need not.
  onRequest: async ({ headers: { origin } }, reply) => {
    if (origin !== undefined && !origins.includes(origin)) return reply.code(403).send({ message: 'Not from this origin' })
  }
}, async ({ body: { node } }, reply) => {
  nodes.kill(node)
  return reply.code(204).send()
})

/**
 * Publishes the numbers 1, 2, 3 and so on, the next one when the previous one is placed. Only this process publishes them, and it is not killed:
 * of two publishers, both could choose the same number, and a number chosen by a publisher that dies would be missing.
 */
async function count (): Promise<void> {
  for (let number = 1; ; number++) {
    if (isStopping) return
    await app.sse.of(events).broadcast('count', { number })
    await setTimeout(COUNT_INTERVAL)
  }
}

async function tellState (): Promise<void> {
  for (;;) {
    if (isStopping) return
    const streams = await app.sse.countAll()
    await app.sse.of(events).broadcast('cluster', { streams, ready: nodes.ready })
    await setTimeout(STATE_INTERVAL)
  }
}

const supervisor = await app.listen({ host: '127.0.0.1', port: 0, listenTextResolver: (address) => `The supervisor listens at ${address}` })
const upstreams = { nodes: nodePorts, supervisor: Number(new URL(supervisor).port) }
run('nginx', (folder) => configure(folder, port, upstreams))
await nodes.start()
counting = count().catch((err: unknown) => fail('the count has stopped', { err }))
tellState().catch((err: unknown) => fail('the state is unknown', { err }))
app.log.info(`Server listening at ${origins[0]}`)
app.log.info(`open ${origins[0]}`)
