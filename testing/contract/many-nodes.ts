import assert from 'node:assert/strict'
import { isAfter, type Position } from '../../lib/broker/position.ts'
import { BOUNDS, createRecord, type AddTest } from './contract-node.ts'
import { pause, setImmediate } from '../../lib/time/timers.ts'
import { OrderRecorder } from './order-recorder.ts'

/** The faults that a harness can cause. */
export interface EngineFaults {
  /** Stops the engine, so that no broker can reach it. What it has kept stays. @defaultValue none; the tests about it are left out */
  readonly stopEngine?: (() => Promise<void>) | undefined
  /** Starts the engine again after `stopEngine`. */
  readonly startEngine?: (() => Promise<void>) | undefined
  /** Makes the engine lose everything that it has kept, while brokers use it. @defaultValue none; the tests about it are left out */
  readonly loseHistory?: (() => Promise<void>) | undefined
}

/** Adds the tests of an engine that several nodes share. */
export function addTestsOfManyNodes (test: AddTest, { stopEngine, startEngine, loseHistory }: EngineFaults): void {
  test('what is published before the order has started is placed afterwards, in order', async (node, name) => {
    const { broker } = await node()
    const order = broker.order(name)
    const recorder = new OrderRecorder()
    const placed = [order.publish(createRecord('a')), order.publish(createRecord('b'))]
    await order.start(recorder, BOUNDS)
    await Promise.all([...placed, order.publish(createRecord('c'))])
    assert.deepEqual(recorder.bodies, ['a', 'b', 'c'])
    await order.close(5000)
  })

  test('all nodes see one order', async (node, name) => {
    const nodes = [await (await node()).start(name), await (await node()).start(name), await (await node()).start(name)]
    const placed = nodes.flatMap(({ order }, at) => Array.from({ length: 200 }, (_, i) => order.publish(createRecord(`${at}.${i}`))))
    await Promise.all(placed)
    for (const { recorder } of nodes) await recorder.until(600)
    for (const { recorder } of nodes) {
      assert.deepEqual(recorder.bodies, nodes[0]!.recorder.bodies)
      assert.deepEqual(recorder.positions, nodes[0]!.recorder.positions)
      assert.deepEqual(recorder.breaks, [])
    }
  })

  test('a node that starts later gets the tail within its bounds, at the same positions, and waits for its listener', async (node, name) => {
    const early = await (await node()).start(name)
    const positions = await Promise.all(Array.from({ length: 2000 }, (_, i) => early.order.publish(createRecord(String(i)))))
    const late = await node()
    const order = late.broker.order(name)
    const recorder = new OrderRecorder()
    let placing = 0
    recorder.onPlace = async () => {
      assert.equal(placing, 0, 'a batch came before the listener was ready')
      placing++
      await new Promise((resolve) => setImmediate(resolve))
      placing--
    }
    await order.start(recorder, { ...BOUNDS, maxEvents: 1500 })
    assert.deepEqual(recorder.positions, positions.slice(-1500))
    assert.deepEqual(recorder.breaks, [])
    await order.close(5000)
  })

  test('no ephemeral record comes to a node that started after it', async (node, name) => {
    const early = await (await node()).start(name)
    await early.order.publish(createRecord('kept'))
    await early.order.publish(createRecord('ephemeral', { ephemeral: true }))
    const late = await (await node()).start(name)
    await late.order.publish(createRecord('last'))
    assert.deepEqual(late.recorder.bodies, ['kept', 'last'])
  })

  test('an order that was closed and is started again has everything, and no more', async (node, name) => {
    const [first, second] = [await node(), await node()]
    const other = await second.start(name)
    const expected: string[] = []
    for (let i = 0; i < 10; i++) {
      const { order, recorder } = await first.start(name)
      const published = [order.publish(createRecord(`${i} here`)), other.order.publish(createRecord(`${i} there`))]
      expected.push(`${i} here`, `${i} there`)
      await Promise.all(published)
      await order.close(5000)
      assert.deepEqual([...new Set(recorder.bodies)].length, recorder.bodies.length)
      assert.deepEqual(recorder.breaks, [])
    }
    const { recorder } = await first.start(name)
    assert.deepEqual([...recorder.bodies].sort(), expected.sort())
  })

  test('an order is kept while a node follows it, and is forgotten some time after the last one has left', async (node, name) => {
    const [first, second] = [await node(), await node()]
    const { order, recorder } = await first.start(name, { keepFor: 4000 })
    await order.publish(createRecord('a'))
    await pause(9000)
    const late = await second.start(name, { keepFor: 4000 })
    assert.deepEqual([recorder.breaks, late.recorder.bodies], [[], ['a']])
    await Promise.all([order.close(5000), late.order.close(5000)])
    for (let tries = 0; tries < 10; tries++) {
      await pause(4500)
      const again = await first.start(name, { keepFor: 4000 })
      await again.order.close(5000)
      if (again.recorder.bodies.length === 0) return
    }
    assert.fail('the order was not forgotten')
  })

  test('`head` knows of a record that another node has placed', async (node, name) => {
    const [one, two] = [await (await node()).start(name), await (await node()).start(name)]
    for (let i = 0; i < 20; i++) {
      const position = await one.order.publish(createRecord(String(i)))
      const head = await two.order.head!()
      assert.ok(head !== undefined && !isAfter(position!, head), `${JSON.stringify(position)} after ${JSON.stringify(head)}`)
    }
  })

  test('`head` is undefined for an order that does not exist, and does not begin it', async (node, name) => {
    const other = await node()
    // The engine answers.
    await other.start(`${name}-other`)
    for (let i = 0; i < 2; i++) {
      const order = other.broker.order(name)
      assert.equal(await order.head!(), undefined)
      await order.close(0)
    }
    const { order } = await other.start(name)
    assert.notEqual(await order.head!(), undefined)
  })

  test('a broker forgets nothing that a node still keeps', async (node, name) => {
    const early = await (await node()).start(name, { maxEvents: 50 })
    const positions: Array<Position | null> = []
    for (let i = 0; i < 60; i++) {
      const some = await Promise.all(Array.from({ length: 50 }, (_, j) => early.order.publish(createRecord(`${i}.${j}`))))
      positions.push(...some)
      early.recorder.oldest = positions.at(-50)!
    }
    const late = await (await node()).start(name, { maxEvents: 50 })
    assert.deepEqual(late.recorder.positions, positions.slice(-50))
  })

  if (stopEngine !== undefined && startEngine !== undefined) {
    test('what is published while the engine is away waits, and is placed once, in order, on all nodes', async (node, name) => {
      const [one, two] = [await (await node()).start(name), await (await node()).start(name)]
      await one.order.publish(createRecord('before'))
      await stopEngine()
      const placed = Promise.all(Array.from({ length: 100 }, (_, i) => one.order.publish(createRecord(String(i), { ephemeral: i % 10 === 9 }))))
      await assert.rejects(async () => two.order.head!())
      await startEngine()
      await placed
      await two.order.publish(createRecord('after'))
      await one.recorder.until(102)
      const kept = Array.from({ length: 100 }, (_, i) => String(i)).filter((_, i) => i % 10 !== 9)
      for (const { recorder } of [one, two]) {
        const withoutEphemeral = recorder.records.filter(({ ephemeral }) => !ephemeral).map(({ body }) => body)
        assert.deepEqual(withoutEphemeral, ['before', ...kept, 'after'])
        assert.deepEqual(recorder.breaks, [])
      }
    })
  }

  if (loseHistory !== undefined) {
    test('after a loss of the history every node is told once, and the order goes on with a greater epoch', async (node, name) => {
      const nodes = [await (await node()).start(name), await (await node()).start(name)]
      const before = await nodes[0]!.order.publish(createRecord('before'))
      await nodes[1]!.recorder.until(1)
      await loseHistory()
      const [after] = await Promise.all(nodes.map(({ order }, at) => order.publish(createRecord(`after ${at}`))))
      assert.ok(after!.epoch > before!.epoch, `${after!.epoch} is not greater than ${before!.epoch}`)
      for (const { recorder } of nodes) {
        await recorder.until(3)
        assert.deepEqual(recorder.breaks, ['reset'])
        assert.deepEqual(recorder.bodies, nodes[0]!.recorder.bodies)
      }
    })
  }
}
