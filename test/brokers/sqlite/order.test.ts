import t from 'tap'
import { sqliteBroker } from '../../../brokers/sqlite/index.ts'
import { recordOf } from './listener.ts'
import { needsDriver, newFile, query, startNode } from './nodes.ts'

const numbers = (count: number, prefix = ''): string[] => Array.from({ length: count }, (_none, at) => `${prefix}${at}`)

t.test('two brokers on one file see one order', needsDriver, async (t) => {
  const file = newFile(t)
  const [one, other] = await Promise.all([startNode(t, file), startNode(t, file)])
  const [a, b] = await Promise.all([one.follow(), other.follow()])
  await Promise.all(numbers(300).flatMap((body) => [a.order.publish(recordOf(`a${body}`)), b.order.publish(recordOf(`b${body}`))]))
  await Promise.all([a, b].map(({ listener }) => listener.until(() => listener.bodies.length === 600)))
  t.strictSame(a.listener.calls, b.listener.calls)
  t.strictSame(a.listener.positions.map((position) => position?.offset), Array.from({ length: 600 }, (_none, at) => at + 1))
  t.strictSame(a.listener.bodies.filter((body) => body.startsWith('b')), numbers(300, 'b'), 'the records of one node keep the order of its calls')
})

t.test('a record comes back as it was published', needsDriver, async (t) => {
  const node = await startNode(t, newFile(t))
  const { order, listener } = await node.follow()
  const records = [
    recordOf('data: grün \u{1f600}\n\n', { channels: ['a', 'b "c"'], id: 'order 7', key: '' }),
    recordOf('data: \0 x\n\n', { id: '7', key: '["k","a\0b"]', time: 1 }),
    recordOf('data: \ud800\n\n', { ephemeral: true })
  ]
  await Promise.all(records.map((record) => order.publish(record)))
  const placed = listener.calls.flatMap((call) => call.call === 'place' ? [call.record] : [])
  t.strictSame(placed, [records[0], records[1], { ...records[2], body: 'data: \ufffd\n\n' }])
})

t.test('ephemeral records arrive between the kept ones, and take no offset', needsDriver, async (t) => {
  const file = newFile(t)
  const [one, other] = await Promise.all([startNode(t, file), startNode(t, file)])
  const [a, b] = await Promise.all([one.follow(), other.follow()])
  const bodies = numbers(200)
  const placed = await Promise.all(bodies.map((body, at) => a.order.publish(recordOf(body, { ephemeral: at % 3 !== 0 }))))
  await b.listener.until(() => b.listener.bodies.length === bodies.length)
  t.strictSame(b.listener.bodies, bodies)
  t.strictSame(b.listener.calls, a.listener.calls)
  t.strictSame(placed.flatMap((position) => position === null ? [] : [position.offset]), numbers(67).map((at) => Number(at) + 1))
})

t.test('a restart resumes with the same epoch and every kept record', needsDriver, async (t) => {
  const file = newFile(t)
  const first = await startNode(t, file)
  const before = await first.follow()
  await Promise.all([...numbers(700).map((body) => before.order.publish(recordOf(body))), before.order.publish(recordOf('e', { ephemeral: true }))])
  await first.stop()
  const second = await startNode(t, file)
  const { order, listener } = await second.follow()
  t.strictSame(listener.calls, before.listener.calls.filter((call) => call.call !== 'place' || call.position !== null), 'once `start` has resolved')
  const { epoch, offset } = (await order.publish(recordOf('next')))!
  t.strictSame([epoch, offset], [before.listener.origins[0]!.epoch, 701])
})

t.test('a node loads no more of the tail than its bounds say', needsDriver, async (t) => {
  const file = newFile(t)
  const { order } = await (await startNode(t, file)).follow()
  await Promise.all(numbers(50).map((body) => order.publish(recordOf(body))))
  const { listener } = await (await startNode(t, file)).follow('events', { maxEvents: 10 })
  t.strictSame(listener.bodies, numbers(50).slice(40))
  t.equal(listener.origins[0]?.offset, 40)
})

t.test('a thousand orders share one timer', needsDriver, async (t) => {
  const file = newFile(t)
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const [one, other] = await Promise.all([startNode(t, file), startNode(t, file)])
  const first = await Promise.all([one.follow('0'), other.follow('0')])
  const names = numbers(1000).slice(1)
  const here = [first[0], ...await Promise.all(names.map((name) => one.follow(name)))]
  const there = [first[1], ...await Promise.all(names.map((name) => other.follow(name)))]
  await new Promise(setImmediate)
  // Those of two sessions, and few others that are about to end.
  t.ok(timers() < 10, `${timers()} timers`)
  await Promise.all(here.map(({ order }, at) => order.publish(recordOf(`to ${at}`))))
  await Promise.all(there.map(({ listener }) => listener.until(() => listener.bodies.length > 0)))
  t.strictSame(there.map(({ listener }) => listener.bodies), numbers(1000, 'to ').map((body) => [body]))
})

t.test('orders of one name and different prefixes in one file are different orders', needsDriver, async (t) => {
  const file = newFile(t)
  const nodes = await Promise.all(['a', 'b'].map((prefix) => startNode(t, file, sqliteBroker({ file, prefix }))))
  const [a, b] = await Promise.all(nodes.map((node) => node.follow()))
  await a!.order.publish(recordOf('a'))
  await b!.order.publish(recordOf('b'))
  t.strictSame([a!.listener.bodies, b!.listener.bodies], [['a'], ['b']])
})

t.test('records that the nodes have forgotten are deleted, and a node that starts learns where the tail begins', needsDriver, async (t) => {
  const file = newFile(t)
  const { order, listener } = await (await startNode(t, file)).follow()
  const epoch = listener.origins[0]!.epoch
  let published = 0
  for (const count of [1500, 2500]) {
    listener.oldest = { epoch, offset: Math.max(0, published - 100) }
    await Promise.all(numbers(count).map((body) => order.publish(recordOf(body))))
    published += count
  }
  listener.oldest = { epoch, offset: 3900 }
  await Promise.all(numbers(500).map((body) => order.publish(recordOf(body))))
  const [oldest] = query(file, 'select min(offset) as offset from sse_records') as [{ offset: number }]
  const [{ floor }] = query(file, 'select floor from sse_orders') as [{ floor: number }]
  t.ok(oldest.offset > 1000 && oldest.offset <= 3900, `the oldest one has the offset ${oldest.offset}`)
  t.equal(floor, oldest.offset - 1)
  const late = await (await startNode(t, file)).follow()
  t.equal(late.listener.origins[0]?.offset, floor)
  t.equal(late.listener.bodies.length, 4500 - floor)
})

t.test('an order that gets no events expires too', needsDriver, async (t) => {
  const file = newFile(t)
  const { follow } = await startNode(t, file)
  await follow('runs', { keepFor: 60_000 })
  const [order] = query(file, "select expires from sse_orders where name = 'runs'") as Array<{ expires: number }>
  t.ok(Math.abs(order!.expires - Date.now() - 60_000) < 30_000)
})
