import t from 'tap'
import { redisBroker } from '../../../brokers/redis/index.ts'
import { pause, Program, untilSeen } from '../../faults/program.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { HoppingReader } from '../hopping-reader.ts'
import type { commands } from '../node.ts'
import { startNode } from '../nodes.ts'

const skip = noRedis() && notInstalled('redis-server')

t.test('the nodes of a broker', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const createBroker = () => redisBroker({ connection: server.url })
  const subscribe = ({ query }: { query: unknown }) => ({ channels: ['*', (query as { room?: string }).room ?? 'lobby'] })
  const start = () => startNode(t, createBroker(), { subscribe })
  const [one, two, three] = [await start(), await start(), await start()]
  const nodes = [one, two, three]
  const open = async (port: number, room: string): Promise<HoppingReader> => {
    const reader = new HoppingReader(() => [port], port, `/events?room=${room}`)
    t.teardown(() => reader.close())
    await reader.connect()
    return reader
  }

  await t.test('`countAll` counts the streams of all nodes, and those of one channel', async (t) => {
    await Promise.all([open(one.port, 'a'), open(two.port, 'a'), open(two.port, 'b')])
    for (const { app } of nodes) {
      t.equal(await app.sse.countAll(), 6)
      t.equal(await app.sse.countAll('a'), 2)
      t.equal(await app.sse.countAll('lobby'), 3)
      t.equal(await app.sse.countAll('nobody is here'), 0)
    }
  })

  await t.test('`disconnect` of a channel ends its streams on every node, and tells how many', async (t) => {
    t.equal(await three.app.sse.channel('a').disconnect(), 2)
    t.match(one.app.sse.stats().closes, { revoked: 1 })
    t.match(two.app.sse.stats().closes, { revoked: 1 })
    t.equal(await three.app.sse.channel('b').disconnect(() => true), 0, 'a predicate concerns the streams of its own node')
    t.match(two.app.sse.stats().closes, { revoked: 1 })
    t.equal(await one.app.sse.channel('b').disconnect({ final: true }), 1)
    t.equal(await one.app.sse.countAll('b'), 0)
    await t.rejects(one.app.sse.channel('b').disconnect({ finally: true } as never), { code: 'FST_SSE_OPTION_UNKNOWN' })
  })

  await t.test('a node that is cut off ends the streams as soon as it is back', async (t) => {
    const reader = await open(two.port, 'c')
    await server.with((client) => client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))
    await one.app.sse.channel('c').disconnect({ final: true })
    await untilSeen(async () => two.app.sse.count('c'), (count) => count === 0)
    await untilSeen(async () => reader.wasCut, Boolean)
  })

  await t.test('a node that has closed is not waited for', async (t) => {
    const leaving = await start()
    await untilSeen(() => one.app.sse.countAll(), (count) => count > nodes.reduce((sum, { app }) => sum + app.sse.count(), 0))
    await leaving.app.close()
    await pause(100)
    const begun = performance.now()
    await one.app.sse.countAll()
    // A node that does not answer would be waited for a second.
    t.ok(performance.now() - begun < 900)
  })

  await t.test('a node that was killed is forgotten within seconds', async (t) => {
    const afterTest = { after: (callback: () => unknown) => t.teardown(callback), fail: () => {} }
    const fourth = await Program.start<typeof commands>(afterTest, '../brokers/node.ts')
    const port = await fourth.call('listen', { broker: { redis: { connection: server.url } } })
    const reader = new HoppingReader(() => [port])
    t.teardown(() => reader.close())
    await reader.connect()
    const others = nodes.reduce((sum, { app }) => sum + app.sse.count(), 0)
    // The others hear of a new node a moment after it listens.
    await untilSeen(() => one.app.sse.countAll(), (count) => count === others + 1)
    reader.close()
    fourth.signal('SIGKILL')
    const begun = performance.now()
    t.equal(await one.app.sse.countAll(), others, 'a node that does not answer is not counted')
    await untilSeen(async () => {
      const asked = performance.now()
      await one.app.sse.countAll()
      return performance.now() - asked
    }, (took) => took < 900)
    t.ok(performance.now() - begun < 15_000)
  })

  await t.test('a node is ready once it has loaded the history, and while its broker is there', async (t) => {
    t.equal(one.app.sse.isReady, true)
    const app = await startNode(t, redisBroker({ connection: 'redis://127.0.0.1:1' }), { waitForBroker: false })
    t.equal(app.app.sse.isReady, false)
    t.match(app.app.sse.stats().broker, { up: false, waiting: 1 })
  })
})
