import t from 'tap'
import { redisBroker } from '../../../brokers/redis/index.ts'
import { createRecord } from '../../../testing/contract/contract-node.ts'
import { OrderRecorder } from '../../../testing/contract/order-recorder.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { startOrder } from '../nodes.ts'

const skip = noRedis() && notInstalled('redis-server')

const KEY = '{sse}:order:events'

t.test('an entry that nothing replaces does not make Redis keep everything after it', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const { order, recorder } = await startOrder(t, redisBroker({ connection: server.url }), { maxEvents: 100 })
  recorder.oldest = (await order.publish(createRecord('first')))!
  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 500 }, () => order.publish(createRecord('later'))))
  const length = await server.with((client) => client.xlen(KEY))
  // Twice a thousand, and what was on its way. Redis trims whole nodes of a hundred.
  t.ok(length < 3000, `${length} entries`)
})

t.test('records of hundreds of orders that wait together are all placed', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const broker = redisBroker({ connection: server.url })
  const orders = Array.from({ length: 300 }, (_, at) => broker.order(`o${at}`))
  t.teardown(async () => {
    await Promise.all(orders.map((order) => order.close(1000)))
    await broker.close()
  })
  await broker.start({ down: (cause) => t.fail(String(cause)), up () {}, skipped () {} })
  const recorders = orders.map(() => new OrderRecorder())
  await Promise.all(orders.map((order, at) => order.start(recorders[at]!, { maxEvents: 1000, maxBytes: 1e6, keepFor: 60_000 })))
  await server.with((client) => client.config('RESETSTAT'))
  await Promise.all(orders.flatMap((order) => Array.from({ length: 60 }, (_, i) => order.publish(createRecord(String(i))))))
  for (const { bodies } of recorders) if (bodies.length !== 60) t.fail(`${bodies.length} records`)
  t.equal(broker.health().reconnects, 0)
  const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await server.with((client) => client.info('commandstats')))![1])
  t.ok(calls >= 300 * 60 / 500, `${calls} calls of scripts`)
})

t.test('the numbers of ephemeral events do not expire while kept events come', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const { order, recorder } = await startOrder(t, redisBroker({ connection: server.url }), { keepFor: 60_000 })
  t.ok(await server.with((client) => client.pttl(KEY)) > 40_000, 'an order that has no events expires too')
  await order.publish(createRecord('ephemeral', { ephemeral: true }))
  await server.with((client) => client.pexpire('{sse}:ephemeral:events', 30_000))
  await order.publish(createRecord('kept'))
  t.ok(await server.with((client) => client.pttl('{sse}:ephemeral:events')) > 40_000)
  t.ok(await server.with((client) => client.pttl(KEY)) > 40_000)
  t.strictSame(recorder.breaks, [])
})

t.test('questions for the newest position cause no gap while ephemeral events come', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const [one, two] = [await startOrder(t, redisBroker({ connection: server.url })), await startOrder(t, redisBroker({ connection: server.url }))]
  for (let i = 0; i < 300; i++) await Promise.all([one.order.publish(createRecord(String(i), { ephemeral: true })), two.order.head!(), two.order.head!()])
  await two.recorder.until(300)
  t.strictSame([one.recorder.breaks, two.recorder.breaks], [[], []])
})
