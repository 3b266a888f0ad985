import assert from 'node:assert/strict'
import { isAfter } from '../../lib/broker/position.ts'
import { createRecord, type AddTest } from './contract-node.ts'

/** Adds the tests that need one node only. */
export function addTestsOfOneNode (test: AddTest): void {
  test('the listener is told where the order begins before it gets a record', async (node, name) => {
    const { order, recorder } = await (await node()).start(name)
    assert.deepEqual(recorder.calls.map(({ call }) => call), ['reset'])
    await order.publish(createRecord('data: x\n\n'))
    assert.deepEqual(recorder.calls.map(({ call }) => call), ['reset', 'place'])
  })

  test('records come in the order of the calls, at rising positions, and each promise resolves with the place', async (node, name) => {
    const { order, recorder } = await (await node()).start(name)
    const positions = await Promise.all(Array.from({ length: 1000 }, (_, i) => order.publish(createRecord(`data: ${i}\n\n`))))
    assert.deepEqual(recorder.bodies, Array.from({ length: 1000 }, (_, i) => `data: ${i}\n\n`))
    assert.deepEqual(positions, recorder.positions)
    for (const [at, position] of positions.slice(1).entries()) assert.ok(isAfter(position!, positions[at]!), `${at}`)
  })

  test('a promise resolves after the listener has the record', async (node, name) => {
    const { order, recorder } = await (await node()).start(name)
    for (let i = 0; i < 20; i++) {
      await order.publish(createRecord(`data: ${i}\n\n`))
      assert.equal(recorder.bodies.at(-1), `data: ${i}\n\n`)
    }
  })

  test('a broker changes nothing in a record', async (node, name) => {
    const { order, recorder } = await (await node()).start(name)
    const records = [
      createRecord('event: grün\ndata: \u{1f600} "\\\t\n\n', { channels: ['*', 'a b', '"', '{}', 'ü'], id: 'order 7', key: 'kept\nx\n"y"', time: 1_234_567_890_123 }),
      createRecord('', { channels: [], key: '' }),
      createRecord(`data: ${'x'.repeat(300_000)}\n\n`),
      createRecord('data\n\n', { ephemeral: true, key: 'ephemeral\nx\ny' })
    ]
    for (const record of records) await order.publish(record)
    assert.deepEqual(recorder.records, records)
  })

  test('an ephemeral record has no position, and keeps its place among the others of its publisher', async (node, name) => {
    const { order, recorder } = await (await node()).start(name)
    const isEphemeral = (i: number): boolean => i % 3 !== 0
    const positions = await Promise.all(Array.from({ length: 300 }, (_, i) => order.publish(createRecord(String(i), { ephemeral: isEphemeral(i) }))))
    assert.deepEqual(recorder.bodies, Array.from({ length: 300 }, (_, i) => String(i)))
    for (const [i, position] of positions.entries()) assert.equal(position === null, isEphemeral(i), `${i}`)
  })

  test('orders do not mix', async (node, name) => {
    const only = await node()
    const names = [name, `${name}-two`, `${name}:ephemeral`, `ephemeral:${name}`, `order:${name}`, `{${name}}`, `${name} *`]
    const orders = await Promise.all(names.map((name) => only.start(name)))
    await Promise.all(orders.map(({ order }, at) => order.publish(createRecord(`kept in ${names[at]!}`))))
    await Promise.all(orders.map(({ order }, at) => order.publish(createRecord(`ephemeral in ${names[at]!}`, { ephemeral: true }))))
    await Promise.all(orders.map(({ order }, at) => order.publish(createRecord(`last in ${names[at]!}`))))
    const bodies = orders.map(({ recorder }) => recorder.bodies)
    assert.deepEqual(bodies, names.map((name) => [`kept in ${name}`, `ephemeral in ${name}`, `last in ${name}`]))
    assert.deepEqual(orders.flatMap(({ recorder }) => recorder.breaks), [])
  })

  test('`close` settles every promise', async (node, name) => {
    const { order, recorder } = await (await node()).start(name)
    const placed = Array.from({ length: 100 }, (_, i) => order.publish(createRecord(String(i))))
    let settled = 0
    for (const promise of placed) promise.then(() => { settled++ }, () => { settled++ })
    await order.close(5000)
    await null
    assert.equal(settled, 100)
    const { length } = recorder.calls
    assert.equal(length, 101)
    await assert.rejects(order.publish(createRecord('late')), { code: 'FST_SSE_BROKER_UNAVAILABLE', stored: false })
    assert.equal(recorder.calls.length, 101)
  })

  test('a thousand orders need no more connections and timers than one', async (node, name) => {
    const only = await node()
    const first = await only.start(name)
    await first.order.publish(createRecord('first'))
    const before = process.getActiveResourcesInfo().length
    const others = await Promise.all(Array.from({ length: 1000 }, (_, i) => only.start(`${name}-${i}`, { keepFor: 60_000 })))
    await Promise.all(others.map(({ order }, i) => order.publish(createRecord(String(i)))))
    assert.deepEqual(others.flatMap(({ recorder }) => recorder.bodies), Array.from({ length: 1000 }, (_, i) => String(i)))
    const during = process.getActiveResourcesInfo().length
    assert.ok(during <= before + 10, `${before} resources with one order, ${during} with a thousand`)
    for (const { order } of others) await order.close(5000)
    await first.order.publish(createRecord('last'))
    assert.deepEqual(first.recorder.bodies, ['first', 'last'])
  })
}
