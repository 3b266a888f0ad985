import t, { type Test } from 'tap'
import { redisBroker } from '../../brokers/redis/index.ts'
import { pause, Program, untilSeen } from '../faults/program.ts'
import { noRedis, RedisServer } from '../support/redis.ts'
import { notInstalled } from '../support/system.ts'
import { withOrder } from './changed-order.ts'
import type { commands } from './node-program.ts'
import { startRunNode, startWords, wordOf } from './run-node.ts'
import { RunReader } from './run-reader.ts'

const skip = noRedis() && notInstalled('redis-server')

const afterTest = (t: Test): { after (callback: () => unknown): void, fail (message: string): unknown } =>
  ({ after: (callback) => t.teardown(callback), fail: (message) => t.fail(message) })

const words = (id: string, count: number): string[] => Array.from({ length: count }, (_, at) => wordOf(id, at + 1))

async function startTwo (t: Test) {
  const server = await RedisServer.start(afterTest(t))
  const nodes = await Promise.all([0, 1].map(() => startRunNode({ redis: server.url })))
  for (const { app } of nodes) t.teardown(() => app.close())
  return { server, one: nodes[0]!, two: nodes[1]! }
}

t.test('an engine that stands still for 9 s delays the items of a run, and no node takes another for dead', { skip }, async (t) => {
  const { server, one, two } = await startTwo(t)
  await startWords(one.app, { id: 'a', count: 600, every: 20 })
  const readers = [one, two].map(({ port }) => new RunReader('a').connect(port))
  for (const reader of readers) t.teardown(() => reader.cut())
  await readers[1]!.until(() => readers[1]!.items.length > 50)
  process.kill(server.pid, 'SIGSTOP')
  // Longer than a node may be silent. The duration is part of the claim.
  await pause(9000)
  process.kill(server.pid, 'SIGCONT')
  for (const reader of readers) {
    await reader.ended()
    t.strictSame(reader.end, { reason: 'ended', status: 'done' })
    t.strictSame(reader.items, words('a', 600))
    t.strictSame([reader.gaps, reader.connections], [[], 1])
  }
})

t.test('an engine that loses everything ends the runs as lost, and new runs begin', { skip }, async (t) => {
  const { server, one, two } = await startTwo(t)
  await startWords(one.app, { id: 'a', count: 10, goesOn: true })
  const readers = [one, two].map(({ port }) => new RunReader('a').connect(port))
  for (const reader of readers) t.teardown(() => reader.cut())
  await Promise.all(readers.map((reader) => reader.until(() => reader.items.length === 10)))
  await server.kill()
  await server.start()
  for (const reader of readers) {
    await reader.ended()
    t.strictSame([reader.items, reader.end], [words('a', 10), { reason: 'error', status: 'lost' }])
  }
  await untilSeen(() => startWords(one.app, { id: 'b', count: 3 }).catch(() => ''), (id) => id === 'b')
  t.strictSame((await new RunReader('b').connect(two.port).ended()).items, words('b', 3))
})

t.test('a run that goes on while its engine loses everything is lost at every node, even at one that only sees what was sent again', { skip }, async (t) => {
  const { server, one } = await startTwo(t)
  await startWords(one.app, { id: 'a', count: 1e6, every: 2 })
  await server.kill()
  await untilSeen(async () => one.app.sse.stats().broker.waiting, (waiting) => waiting > 10)
  await server.start()
  await untilSeen(async () => one.app.sse.stats().broker.waiting, (waiting) => waiting === 0)
  const late = await startRunNode({ redis: server.url })
  t.teardown(() => late.app.close())
  t.strictSame([await one.app.sse.runs.status('a'), await late.app.sse.runs.status('a')], ['lost', 'lost'])
})

t.test('a process that stands still for so long that its run was lost finds that out, and adds nothing', { skip }, async (t) => {
  const { server, two } = await startTwo(t)
  const node = await Program.start<typeof commands>(afterTest(t), '../runs/node-program.ts')
  await node.call('listen', { redis: server.url })
  await node.call('start', { id: 'a', count: 1e6, every: 10 })
  const reader = new RunReader('a').connect(two.port)
  t.teardown(() => reader.cut())
  await reader.until(() => reader.items.length > 20)
  node.signal('SIGSTOP')
  await reader.ended()
  t.equal(reader.end?.status, 'lost')
  node.signal('SIGCONT')
  await untilSeen(() => node.call('status', 'a'), (status) => status === 'lost')
  // It starts runs as before.
  await node.call('start', { id: 'b', count: 3 })
  t.strictSame((await new RunReader('b').connect(two.port).ended()).items, words('b', 3))
  const late = await new RunReader('a').connect(two.port).ended()
  t.strictSame(late.items, reader.items)
})

t.test('a node closes while its engine is away: sources are aborted, and `finished` settles', { skip }, async (t) => {
  const { server, one } = await startTwo(t)
  let reason: unknown
  const run = await one.app.sse.runs.start('message', async function * (signal) {
    yield 'a'
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    reason = signal.reason
  })
  process.kill(server.pid, 'SIGSTOP')
  const closed = one.app.close()
  t.equal(await run.finished, 'stopped')
  await closed
  t.equal(reason, 'stopped')
  process.kill(server.pid, 'SIGCONT')
})

t.test('a run whose beginning was stored is lost to all if its start was rejected, because the answer came too late', { skip }, async (t) => {
  const server = await RedisServer.start(afterTest(t))
  let isFirst = true
  const one = await startRunNode(withOrder(redisBroker({ connection: server.url, publishTimeout: 500 }), 'run:a', (order) => ({
    publish (record) {
      if (isFirst) process.kill(server.pid, 'SIGSTOP')
      isFirst = false
      return order.publish(record)
    }
  })))
  t.teardown(() => one.app.close())
  const two = await startRunNode({ redis: server.url })
  t.teardown(() => two.app.close())
  await t.rejects(startWords(one.app, { id: 'a', count: 3 }), { code: 'FST_SSE_BROKER_UNAVAILABLE', stored: undefined })
  process.kill(server.pid, 'SIGCONT')
  await untilSeen(() => two.app.sse.runs.status('a').catch(() => 'away'), (status) => status === 'lost')
  await t.rejects(startWords(two.app, { id: 'a', count: 3 }), { code: 'FST_SSE_RUN_EXISTS' })
  t.equal(await one.app.sse.runs.status('a'), 'lost')
})
