import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Order } from '../../lib/broker/broker.ts'
import { BrokerUnavailable } from '../../lib/errors.ts'
import { sqliteBroker } from '../../brokers/sqlite/index.ts'
import { redisBroker } from '../../brokers/redis/index.ts'
import { pause, Program, untilSeen } from '../faults/program.ts'
import { noRedis, RedisServer } from '../support/redis.ts'
import { driver, needsDriver } from '../brokers/sqlite/nodes.ts'
import { notInstalled } from '../support/system.ts'
import { Gate, withOrder } from './changed-order.ts'
import type { commands } from './node-program.ts'
import { type RunNode, startRunNode, startWords, wordOf } from './run-node.ts'
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

t.test('a file that another program locks for 14 s delays a run, and no node takes another for dead or unread', { skip: needsDriver.skip }, async (t) => {
  const file = join(t.testdir(), 'events.db')
  const [one, two] = await Promise.all([0, 1].map(() => startRunNode({ sqlite: file }))) as [RunNode, RunNode]
  for (const { app } of [one, two]) t.teardown(() => app.close())
  await startWords(one.app, { id: 'a', count: 600, every: 20, stopWhenUnread: 2000 })
  const reader = new RunReader('a').connect(two.port)
  t.teardown(() => reader.cut())
  await reader.until(() => reader.items.length > 50)
  const other = driver!.open(file)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  // Longer than a node may be silent, and than its items take. The duration is part of the claim.
  await pause(14_000)
  other.exec('rollback')
  await reader.ended()
  t.strictSame([reader.end, reader.items, reader.gaps, reader.connections], [{ reason: 'ended', status: 'done' }, words('a', 600), [], 1])
})

/** A node of Redis, one of whose orders behaves differently. */
async function startWith (t: Test, changes: (order: Order) => Partial<Order>): Promise<RunNode & { readonly server: RedisServer }> {
  const server = await RedisServer.start(afterTest(t))
  const node = await startRunNode(withOrder(redisBroker({ connection: server.url }), 'run:a', changes))
  t.teardown(() => node.app.close())
  return { ...node, server }
}

t.test('a run fails at once when the broker rejects an item, also if its source waits, and readers get the items before it', { skip }, async (t) => {
  let published = 0
  const node = await startWith(t, (order) => ({
    // The beginning is the first record.
    publish: (record) => ++published === 4 ? Promise.reject(new BrokerUnavailable('test', 'it is full', false, undefined)) : order.publish(record)
  }))
  let reason: unknown
  const run = await node.app.sse.runs.start('message', async function * (signal) {
    for (let number = 1; number <= 3; number++) yield wordOf('a', number)
    await once(signal, 'abort')
    reason = signal.reason
  }, { id: 'a' })
  t.equal(await run.finished, 'failed')
  t.equal(reason, 'failed')
  const reader = await new RunReader('a').connect(node.port).ended()
  t.strictSame([reader.items, reader.gaps, reader.end], [words('a', 2), [], { reason: 'error', status: 'failed' }])
})

t.test('the source of a run that another node has ended by then is not called', { skip }, async (t) => {
  const server = await RedisServer.start(afterTest(t))
  const gate = new Gate()
  let publish = (): Promise<void> => Promise.resolve()
  const broker = withOrder(withOrder(redisBroker({ connection: server.url }), 'run:b', (order) => gate.hold(order)), 'run:a', (order) => ({
    async publish (record) {
      await publish()
      return order.publish(record)
    }
  }))
  const [one, two] = [await startRunNode(broker), await startRunNode({ redis: server.url })]
  for (const { app } of [one, two]) t.teardown(() => app.close())
  let give = (): void => {}
  await one.app.sse.runs.start('message', async function * () {
    await new Promise<void>((resolve) => { give = resolve })
    yield 'b'
  }, { id: 'b' })
  await new Promise((resolve) => setImmediate(resolve))
  // The node reads nothing while an item of the other run is held.
  publish = async () => {
    gate.close()
    give()
    await gate.held
  }
  let calls = 0
  const starting = one.app.sse.runs.start('message', async function * () { calls++ }, { id: 'a' })
  await untilSeen(() => two.app.sse.runs.stop('a').catch(() => false), (stopped) => stopped)
  gate.open()
  const run = await starting
  t.strictSame([await run.finished, run.status, calls], ['stopped', 'stopped', 0])
  t.equal(one.app.sse.stats().runs.ends.stopped, 1)
})

t.test('sources that are faster than the engine wait for it, however many there are', { skip: needsDriver.skip }, async (t) => {
  const node = await startRunNode(sqliteBroker({ file: join(t.testdir(), 'events.db') }))
  t.teardown(() => node.app.close())
  const runs = await Promise.all(Array.from({ length: 100 }, (_, at) => node.app.sse.runs.start('message', async function * () {
    for (let number = 1; number <= 1500; number++) yield wordOf(String(at), number)
  }, { id: String(at) })))
  t.strictSame(new Set(await Promise.all(runs.map(({ finished }) => finished))), new Set(['done']))
})

t.test('while the engine stands still, a run is not found with 503, and an application that looks for one closes in time', { skip }, async (t) => {
  const { server, one } = await startTwo(t)
  process.kill(server.pid, 'SIGSTOP')
  t.teardown(() => process.kill(server.pid, 'SIGCONT'))
  await t.rejects(one.app.sse.runs.status('b'), { code: 'FST_SSE_BROKER_UNAVAILABLE', statusCode: 503 })
  process.kill(server.pid, 'SIGCONT')
  await untilSeen(async () => one.app.sse.stats().broker.up, (up) => up)
  process.kill(server.pid, 'SIGSTOP')
  const looking = one.app.sse.runs.status('b').catch((error: unknown) => error)
  const begun = performance.now()
  await one.app.close()
  // It takes 2.5 s by itself, with a `shutdownTimeout` of 1 s. The question is given up after 4 s, and the rest would follow.
  t.ok(performance.now() - begun < 5000)
  t.match(await looking, { statusCode: 503 })
})
