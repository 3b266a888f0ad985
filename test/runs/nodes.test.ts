import { join } from 'node:path'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { createEpoch } from '../../lib/broker/position.ts'
import { itemChannels, itemRecord } from '../../lib/runs/run-records.ts'
import { advance } from '../../testing/index.ts'
import ssePlugin, { type Broker, type SsePluginOptions } from '../../plugin.ts'
import { needsDriver, query } from '../brokers/sqlite/nodes.ts'
import { pause, Program, untilSeen } from '../faults/program.ts'
import { noRedis, RedisServer } from '../support/redis.ts'
import { notInstalled } from '../support/system.ts'
import { Gate, withOrder } from './changed-order.ts'
import type { commands } from './node-program.ts'
import { brokerOf, startRunNode, startWords, wordOf, type EngineChoice, type RunNode } from './run-node.ts'
import { RunReader } from './run-reader.ts'

// Runs over several nodes, with every engine.

const afterTest = (t: Test): { after (callback: () => unknown): void, fail (message: string): unknown } =>
  ({ after: (callback) => t.teardown(callback), fail: (message) => t.fail(message) })

interface Engine {
  readonly name: string
  readonly skip: string | false
  start (t: Test): Promise<EngineChoice & { readonly server?: RedisServer }>
}

const engines: Engine[] = [
  {
    name: 'redis',
    skip: noRedis() && notInstalled('redis-server'),
    async start (t) {
      const server = await RedisServer.start(afterTest(t))
      return { redis: server.url, server }
    }
  },
  { name: 'sqlite', skip: needsDriver.skip, start: async (t) => ({ sqlite: join(t.testdir(), 'events.db') }) }
]

async function startNode (t: Test, choice: EngineChoice | Broker, options: SsePluginOptions = {}): Promise<RunNode> {
  const node = await startRunNode(choice, options)
  t.teardown(() => node.app.close())
  return node
}

function read (t: Test, node: { readonly port: number }, id: string): RunReader {
  const reader = new RunReader(id).connect(node.port)
  t.teardown(() => reader.cut())
  return reader
}

/** A promise that a test resolves. */
function once (): { readonly done: Promise<void>, come (): void } {
  let come!: () => void
  return { done: new Promise((resolve) => { come = resolve }), come }
}

const words = (id: string, from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, at) => wordOf(id, from + at))

t.jobs = engines.length

for (const { name, skip, start } of engines) {
  t.test(name, { skip }, async (t) => {
    const choice = await start(t)
    const [one, two] = [await startNode(t, choice), await startNode(t, choice)]

    await t.test('a run that one node starts is read live and late at another, and a cut reader resumes at either', async (t) => {
      await startWords(one.app, { id: 'a', count: 200, every: 2 })
      const [here, there] = [read(t, one, 'a'), read(t, two, 'a')]
      await there.until(() => there.items.length >= 50)
      there.connect(one.port)
      here.connect(two.port)
      const late = read(t, two, 'a')
      for (const reader of [here, there, late]) {
        await reader.ended()
        t.strictSame(reader.items, words('a', 1, 200))
        t.strictSame([reader.end, reader.gaps], [{ reason: 'ended', status: 'done' }, []])
      }
      t.equal(await two.app.sse.runs.status('a'), 'done')
      const after = await read(t, await startNode(t, choice), 'a').ended()
      t.strictSame([after.items, after.ids], [here.items, here.ids], 'a node that did not know it')
    })

    await t.test('a reader that has items which its new node still lacks waits for the next ones, and gets no gap', async (t) => {
      const gate = new Gate()
      const behind = await startNode(t, withOrder(brokerOf(choice), 'run:w', (order) => gate.hold(order)))
      const [first, rest] = [once(), once()]
      await one.app.sse.runs.start('message', async function * () {
        await first.done
        for (let number = 1; number <= 10; number++) yield wordOf('w', number)
        await rest.done
        for (let number = 11; number <= 20; number++) yield wordOf('w', number)
      }, { id: 'w' })
      const reader = read(t, one, 'w')
      t.equal(await behind.app.sse.runs.status('w'), 'running')
      gate.close()
      first.come()
      await reader.until(() => reader.items.length === 10)
      const arrived = new Promise((resolve) => behind.app.server.once('request', resolve))
      reader.connect(behind.port)
      await arrived
      // Without waiting it would be placed by now. It waits for two seconds at most.
      await pause(200)
      gate.open()
      rest.come()
      await reader.ended()
      t.strictSame([reader.items, reader.gaps, reader.connections], [words('w', 1, 20), [], 2])
    })

    await t.test('`stop` works at any node, and ends the source at its own', async (t) => {
      let reason: unknown
      const run = await one.app.sse.runs.start('message', async function * (signal) {
        yield wordOf('b', 1)
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        reason = signal.reason
      }, { id: 'b' })
      const reader = read(t, two, 'b')
      await reader.until(() => reader.items.length === 1)
      t.equal(await two.app.sse.runs.stop('b'), true)
      t.equal(await run.finished, 'stopped')
      t.equal(reason, 'stopped')
      t.strictSame((await reader.ended()).end, { reason: 'ended', status: 'stopped' })
      t.equal(await two.app.sse.runs.stop('b'), false)
    })

    await t.test('an unknown ID is 404 at every node, and leaves nothing behind', async (t) => {
      for (const node of [one, two, one]) t.equal((await node.app.inject('/runs/unknown')).statusCode, 404)
      t.equal(two.app.sse.stats().runs.known, 2, 'the runs a and b')
      if (choice.server === undefined) return
      const client = new Redis(choice.server.url)
      t.teardown(() => client.disconnect())
      t.strictSame(await client.keys('*unknown*'), [])
      t.equal((await client.keys('*:order:run:a')).length, 1)
    })

    await t.test('who asks for runs that do not exist takes no place of `maxRuns`', async (t) => {
      const small = await startNode(t, choice, { runs: { maxRuns: 1 } })
      const asked = Array.from({ length: 20 }, (_, at) => small.app.inject(`/runs/none-${at}`))
      const started = startWords(small.app, { id: 'small', count: 1 })
      t.strictSame(new Set((await Promise.all(asked)).map(({ statusCode }) => statusCode)), new Set([404]))
      t.equal(await started, 'small')
      await t.rejects(startWords(small.app, { id: 'larger', count: 1 }), { code: 'FST_SSE_RUNS_EXCEEDED' })
    })

    await t.test('the engine keeps a run for its `keepFor`, whichever node ends it', async (t) => {
      await startWords(one.app, { id: 'hour', count: 1, goesOn: true, keepFor: 3_600_000 })
      await two.app.sse.runs.stop('hour')
      if (choice.server === undefined) return
      const client = new Redis(choice.server.url)
      t.teardown(() => client.disconnect())
      const [key] = await client.keys('*:order:run:hour')
      t.ok(await client.pttl(key!) > 3_600_000)
    })

    await t.test('the engine keeps a run for ever if its `keepFor` says so, from its beginning on, also after an earlier run of its ID', async (t) => {
      const expiry = async (id: string): Promise<unknown> => {
        if ('sqlite' in choice) return query(choice.sqlite, `select expires from sse_orders where name = 'run:${id}'`)
        const client = new Redis(choice.redis)
        t.teardown(() => client.disconnect())
        return await client.pttl((await client.keys(`*:order:run:${id}`))[0]!)
      }
      const never = 'sqlite' in choice ? [{ expires: null }] : -1
      await startWords(one.app, { id: 'new', count: 0, goesOn: true, keepFor: Infinity })
      t.strictSame(await expiry('new'), never)
      await startWords(one.app, { id: 'used', count: 0, keepFor: 0 })
      await untilSeen(() => startWords(two.app, { id: 'used', count: 1, goesOn: true, keepFor: Infinity }).catch(() => ''), (id) => id === 'used')
      t.strictSame(await expiry('used'), never)
      // A node that only looks for it does not know its terms at first.
      t.equal(await one.app.sse.runs.status('new'), 'running')
      t.equal(await two.app.sse.runs.status('new'), 'running')
      t.strictSame(await expiry('new'), never)
    })

    await t.test('an ID is taken at every node, and of starts in one moment one begins', async (t) => {
      await startWords(one.app, { id: 'c', count: 1, goesOn: true })
      await t.rejects(startWords(two.app, { id: 'c', count: 1 }), { code: 'FST_SSE_RUN_EXISTS' })
      for (let round = 0; round < 10; round++) {
        const id = `race-${round}`
        const started = await Promise.allSettled([one, two].map(({ app }, at) => startWords(app, { id, count: at + 1 })))
        t.strictSame(started.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
        const winner = started.findIndex(({ status }) => status === 'fulfilled')
        const [first, second] = [await read(t, one, id).ended(), await read(t, two, id).ended()]
        t.strictSame([first.items, second.items], [words(id, 1, winner + 1), words(id, 1, winner + 1)])
      }
    })

    await t.test('after `keepFor` its own `subscribe` is 404, too', async (t) => {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(ssePlugin, { path: false, broker: brokerOf(choice) })
      app.get('/own', (_request, reply) => run.subscribe(reply))
      await app.ready()
      const run = await app.sse.runs.start('message', async function * () {}, { keepFor: 300 })
      t.equal(await run.finished, 'done')
      await untilSeen(async () => (await app.inject('/own')).statusCode, (code) => code === 404)
      // Nothing is left that could fail later.
      for (let time = 0; time < 10; time++) await t.rejects(app.sse.runs.status('unknown'), { code: 'FST_SSE_RUN_UNKNOWN' })
    })

    await t.test('after `keepFor` a run is 404 at every node, and its ID is free', async (t) => {
      await startWords(one.app, { id: 'd', count: 3, keepFor: 500 })
      const before = await read(t, two, 'd').ended()
      t.strictSame(before.items, words('d', 1, 3))
      await untilSeen(async () => (await Promise.all([one, two].map(({ app }) => app.inject('/runs/d')))).map(({ statusCode }) => statusCode), (codes) => codes.join() === '404,404')
      await startWords(two.app, { id: 'd', count: 2, goesOn: true })
      const reader = read(t, one, 'd')
      await reader.until(() => reader.items.length === 2)
      t.strictSame(reader.items, words('d', 1, 2))
      const foreign = read(t, one, 'd')
      foreign.cut()
      foreign.lastEventId = before.lastEventId
      foreign.connect(two.port)
      await foreign.until(() => foreign.items.length === 2)
      t.strictSame(foreign.gaps, ['foreign'])
    })

    await t.test('a producer that was thought dead adds nothing to its run after the end, nor to a later run of its name', async (t) => {
      await startWords(one.app, { id: 'e', count: 2, keepFor: 300, goesOn: true })
      const reader = read(t, two, 'e')
      await reader.until(() => reader.items.length === 2)
      const [key] = reader.lastEventId.split('.')
      await two.app.sse.runs.stop('e')
      const stranger = brokerOf(choice)
      t.teardown(() => stranger.close())
      await stranger.start({ down () {}, up () {}, skipped () {} })
      const order = stranger.order('run:e')
      await order.start({ place () { return undefined }, lose () {}, reset () {}, oldest: { epoch: '', offset: 0 } }, { maxEvents: 10, maxBytes: 1e6, keepFor: 10_000 })
      const late = async (number: number, key: string): Promise<void> => {
        await order.publish(itemRecord(itemChannels({ key, node: 'dead', keepFor: 300, maxBytes: 1e6, stopWhenUnread: Infinity }), key, number, 'data: late\n\n'))
      }
      await late(3, key!)
      t.strictSame((await read(t, one, 'e').ended()).items, words('e', 1, 2))
      await untilSeen(async () => (await two.app.inject('/runs/e')).statusCode, (code) => code === 404)
      await untilSeen(async () => await startWords(two.app, { id: 'e', count: 3, every: 20 }).catch(() => ''), (id) => id === 'e')
      for (const number of [1, 2, 3, 4, 5]) await late(number, key!)
      await late(1, createEpoch())
      for (const node of [one, two]) t.strictSame((await read(t, node, 'e').ended()).items, words('e', 1, 3))
      await order.close(1000)
    })

    await t.test('`stopWhenUnread` counts the readers of every node', async (t) => {
      await startWords(one.app, { id: 'f', count: 1, goesOn: true, stopWhenUnread: 1000 })
      const reader = read(t, two, 'f')
      await reader.until(() => reader.items.length === 1)
      // As long as it would take to be stopped.
      await new Promise((resolve) => setTimeout(resolve, 4000))
      t.equal(await one.app.sse.runs.status('f'), 'running')
      reader.cut()
      t.equal(await untilSeen(() => one.app.sse.runs.status('f'), (status) => status !== 'running'), 'stopped')
    })

    await t.test('a run whose last reader left another node is stopped not much later than one that was read here', async (t) => {
      const [here, there] = [await startNode(t, choice), await startNode(t, choice)]
      await startWords(here.app, { id: 'left', count: 1, goesOn: true, stopWhenUnread: 40_000 })
      const reader = read(t, there, 'left')
      await reader.until(() => reader.items.length === 1)
      reader.cut()
      await untilSeen(async () => there.app.sse.count(), (count) => count === 0)
      // So long that `here` knows every node that is there.
      await pause(5000)
      await advance(there.app, 30_000)
      await advance(here.app, 41_000)
      await pause(100)
      t.equal(await here.app.sse.runs.status('left'), 'running')
      await advance(there.app, 15_000)
      await advance(here.app, 12_000)
      const asked = Date.now()
      t.equal(await untilSeen(() => here.app.sse.runs.status('left'), (status) => status !== 'running'), 'stopped')
      t.ok(Date.now() - asked < 20_000)
    })

    await t.test('a node remembers a run whose end it publishes, or whose stream it opens, however long that takes', async (t) => {
      const gate = new Gate()
      const opening = new Gate()
      const slow = await startNode(t, withOrder(brokerOf(choice), 'run:slow', (order) => ({
        async publish (record) {
          await gate.passed
          return order.publish(record)
        }
      })), { headers: async () => { await opening.passed; return {} } })
      const more = once()
      await one.app.sse.runs.start('message', async function * (signal) {
        yield 'a'
        await more.done
        yield 'b'
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      }, { id: 'slow' })
      opening.close()
      const reader = read(t, slow, 'slow')
      await untilSeen(async () => slow.app.sse.stats().runs.known, (known) => known === 1)
      await advance(slow.app, 60_000)
      opening.open()
      await reader.until(() => reader.items.length === 1)
      more.come()
      await reader.until(() => reader.items.length === 2)
      reader.cut()
      await untilSeen(async () => slow.app.sse.count(), (count) => count === 0)
      gate.close()
      const stopped = slow.app.sse.runs.stop('slow')
      await advance(slow.app, 60_000)
      gate.open()
      t.equal(await stopped, true)
      t.equal(await untilSeen(() => one.app.sse.runs.status('slow'), (status) => status !== 'running'), 'stopped')
    })

    await t.test('a node that closes while it looks for a run does not say that there is none', async (t) => {
      let closed: Promise<void> | undefined
      const closing = await startNode(t, withOrder(brokerOf(choice), 'run:closing', (order) => ({
        async head () {
          await (closed ??= closing.app.close())
          return await order.head!()
        }
      })))
      await startWords(one.app, { id: 'closing', count: 1, goesOn: true })
      await t.rejects(closing.app.sse.runs.status('closing'), { code: 'FST_SSE_CLOSED', statusCode: 503 })
    })

    await t.test('when the node of the source closes, its readers find the end at another node, and those of that node get it', async (t) => {
      const closing = await startNode(t, choice)
      await startWords(closing.app, { id: 'g', count: 5, goesOn: true })
      const [here, there] = [read(t, closing, 'g'), read(t, two, 'g')]
      await Promise.all([here, there].map((reader) => reader.until(() => reader.items.length === 5)))
      const closed = closing.app.close()
      t.strictSame((await there.ended()).end, { reason: 'ended', status: 'stopped' })
      await closed
      t.equal(here.end, undefined)
      t.strictSame((await here.connect(two.port).ended()).end, { reason: 'ended', status: 'stopped' })
      t.strictSame([here.items, here.gaps], [words('g', 1, 5), []])
    })

    await t.test('when the process of the source is killed, its readers are told `lost` within 10 s, early and late ones', async (t) => {
      const node = await Program.start<typeof commands>({ ...afterTest(t), fail: () => {} }, '../runs/node-program.ts')
      await node.call('listen', choice)
      await node.call('start', { id: 'h', count: 100_000, every: 5 })
      const reader = read(t, two, 'h')
      await reader.until(() => reader.items.length >= 20)
      const killed = Date.now()
      node.signal('SIGKILL')
      await reader.ended()
      const took = Date.now() - killed
      t.strictSame(reader.end, { reason: 'error', status: 'lost' })
      t.ok(took < 10_000, `${took} ms`)
      t.strictSame(reader.items, words('h', 1, reader.items.length))
      for (const other of [one, await startNode(t, choice)]) {
        const late = await read(t, other, 'h').ended()
        t.strictSame([late.items, late.end], [reader.items, reader.end])
      }
    })

    await t.test('a process whose event loop was blocked for long does not take the others for dead', async (t) => {
      const node = await Program.start<typeof commands>(afterTest(t), '../runs/node-program.ts')
      await node.call('listen', choice)
      await startWords(one.app, { id: 'k', count: 1, goesOn: true })
      t.equal(await node.call('status', 'k'), 'running')
      // It has listened for a while. Its clock ticks every second.
      await pause(3000)
      // Longer than a node may be silent. The duration is part of the claim.
      await node.call('block', 12_000)
      await pause(3000)
      t.strictSame([await node.call('status', 'k'), await one.app.sse.runs.status('k')], ['running', 'running'])
      await node.call('close')
    })

    await t.test('a run whose process was killed while nobody read it is lost to the first who asks', async (t) => {
      const node = await Program.start<typeof commands>({ ...afterTest(t), fail: () => {} }, '../runs/node-program.ts')
      await node.call('listen', choice)
      await node.call('start', { id: 'i', count: 10, goesOn: true })
      const early = read(t, one, 'i')
      await early.until(() => early.items.length === 10)
      early.cut()
      node.signal('SIGKILL')
      const asked = Date.now()
      const reader = await read(t, await startNode(t, choice), 'i').ended()
      t.strictSame([reader.items, reader.end], [words('i', 1, 10), { reason: 'error', status: 'lost' }])
      t.ok(Date.now() - asked < 10_000)
    })
  })
}
