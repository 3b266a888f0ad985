import t, { type Test } from 'tap'
import type { Order } from '../../../lib/broker/broker.ts'
import { EngineBroker } from '../../../brokers/engine/engine-broker.ts'
import { createRecord } from '../../../testing/contract/contract-node.ts'
import { OrderRecorder } from '../../../testing/contract/order-recorder.ts'
import { untilSeen } from '../../faults/program.ts'
import { FakeEngine, type Step } from './fake-engine.ts'

// What an order does when a fault hits it at one certain moment. model.test.ts has the faults at random moments.

const INTERVALS = { look: 20, tick: 5, maxBackoff: 10 }

interface Node {
  readonly broker: EngineBroker
  readonly order: Order
  readonly recorder: OrderRecorder
  publish: (body: string) => Promise<unknown>
}

async function startNode (t: Test, engine: FakeEngine, bounds: { publishTimeout?: number, maxWaiting?: number, maxWaitingBytes?: number } = {}): Promise<Node> {
  const broker = new EngineBroker(engine.forBroker(), { maxWaiting: 1000, maxWaitingBytes: 1e6, publishTimeout: 60_000, ...bounds }, INTERVALS)
  const recorder = new OrderRecorder()
  const order = broker.order('events')
  await broker.start({ down () {}, up () {}, skipped () {} })
  await order.start(recorder, { maxEvents: Infinity, maxBytes: 1e6, keepFor: Infinity })
  t.teardown(async () => {
    await order.close(0)
    await broker.close()
  })
  // The result of a rejected one is the error.
  return { broker, order, recorder, publish: (body) => order.publish(createRecord(body)).catch((error: unknown) => error) }
}

/** Holds the steps of one kind until they are let through, one by one or all. */
class Gate {
  readonly #held: Array<() => void> = []
  #isOpen = false

  constructor (engine: FakeEngine, step: Step, ofBroker?: number) {
    const before = engine.delay
    engine.delay = async (other, broker) => {
      await before(other, broker)
      if (other === step && (ofBroker === undefined || broker === ofBroker) && !this.#isOpen) await new Promise<void>((resolve) => this.#held.push(resolve))
    }
  }

  /** Waits until a step is held. */
  async held (): Promise<void> {
    await untilSeen(async () => this.#held.length, (count) => count > 0)
  }

  /** Lets the first step through that is held. */
  async letOneThrough (): Promise<void> {
    await this.held()
    this.#held.shift()!()
  }

  open (): void {
    this.#isOpen = true
    for (const goOn of this.#held.splice(0)) goOn()
  }
}

const bodiesIn = (engine: FakeEngine): Array<string | undefined> => engine.orders.get('events')!.entries.map(({ entry }) => entry?.record.body)

t.test('a record whose answer was lost is not sent again before it had time to come back', async (t) => {
  const engine = new FakeEngine()
  const { publish, recorder, broker } = await startNode(t, engine)
  const answers = new Gate(engine, 'answer')
  const reads = new Gate(engine, 'next')
  const placed = publish('a')
  await answers.held()
  engine.cut()
  answers.open()
  await reads.letOneThrough()
  await untilSeen(async () => broker.health(), ({ up, reconnects }) => up && reconnects === 1)
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  t.equal(engine.asked, 1)
  reads.open()
  t.match(await placed, { offset: 1 })
  t.strictSame(recorder.bodies, ['a'])
  t.strictSame(bodiesIn(engine), [undefined, 'a'])
})

t.test('a second copy, which a lost connection has left behind, is placed nowhere', async (t) => {
  const engine = new FakeEngine()
  const [one, two] = [await startNode(t, engine), await startNode(t, engine)]
  const appends = new Gate(engine, 'append', 0)
  const placed = one.publish('a')
  await appends.held()
  engine.storesLate = true
  engine.cut()
  await untilSeen(async () => engine.asked, (count) => count === 2)
  appends.open()
  await placed
  await untilSeen(async () => bodiesIn(engine).length, (count) => count === 3)
  await one.publish('z')
  await two.recorder.upTo('z')
  t.strictSame(bodiesIn(engine), [undefined, 'a', 'a', 'z'])
  t.strictSame([one.recorder.bodies, two.recorder.bodies], [['a', 'z'], ['a', 'z']])
})

t.test('no more records are on their way than this process can read back before they are forgotten', async (t) => {
  const engine = new FakeEngine()
  const { publish, recorder } = await startNode(t, engine, { maxWaiting: 10_000 })
  const reads = new Gate(engine, 'next')
  await reads.held()
  const placed = Array.from({ length: 5000 }, (_, i) => publish(String(i)))
  await untilSeen(async () => bodiesIn(engine).length, (count) => count > 2000)
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  t.ok(bodiesIn(engine).length < 3000, `${bodiesIn(engine).length} were stored`)
  reads.open()
  await Promise.all(placed)
  t.strictSame(recorder.bodies, Array.from({ length: 5000 }, (_, i) => String(i)))
})

t.test('a tail comes in batches of which none can evict another', async (t) => {
  const engine = new FakeEngine()
  const { publish } = await startNode(t, engine)
  await Promise.all(Array.from({ length: 100 }, (_, i) => publish(String(i).padEnd(100))))
  const broker = new EngineBroker(engine.forBroker(), { maxWaiting: 10, maxWaitingBytes: 100, publishTimeout: 1000 }, INTERVALS)
  const order = broker.order('events')
  const recorder = new OrderRecorder()
  const sizes: number[] = []
  recorder.onPlace = () => {
    sizes.push(recorder.bodies.length)
    return undefined
  }
  await broker.start({ down () {}, up () {}, skipped () {} })
  t.teardown(async () => {
    await order.close(0)
    await broker.close()
  })
  await order.start(recorder, { maxEvents: Infinity, maxBytes: 4000, keepFor: Infinity })
  t.equal(recorder.bodies.length, 100)
  sizes.forEach((size, at) => t.ok(size - (sizes[at - 1] ?? 0) <= 11, `${size}`))
})

t.test('a record that was sent and not stored is sent again', async (t) => {
  const engine = new FakeEngine()
  const { publish, recorder } = await startNode(t, engine)
  const appends = new Gate(engine, 'append')
  const placed = [publish('a'), publish('b')]
  await appends.held()
  engine.cut()
  appends.open()
  await Promise.all(placed)
  t.strictSame(recorder.bodies, ['a', 'b'])
})

/** Publishes two records, each by itself. The engine is full when it gets the first one, and has not got the second one yet. */
async function publishToFullEngine (t: Test) {
  const engine = new FakeEngine()
  const { publish, recorder } = await startNode(t, engine)
  const appends = new Gate(engine, 'append')
  const first = publish('a')
  await appends.held()
  const second = publish('b')
  await untilSeen(async () => engine.asked, (count) => count === 2)
  engine.isFull = true
  await appends.letOneThrough()
  await appends.held()
  return { engine, recorder, appends, first, second }
}

t.test('a record that the engine did not take is rejected if a later one was stored, because it would come after it', async (t) => {
  const { engine, recorder, appends, first, second } = await publishToFullEngine(t)
  engine.isFull = false
  appends.open()
  t.match(await second, { offset: 1 })
  t.match(await first, { code: 'FST_SSE_BROKER_UNAVAILABLE', stored: false })
  t.strictSame(recorder.bodies, ['b'])
  t.strictSame(bodiesIn(engine), [undefined, 'b'])
})

t.test('what the engine did not take is not sent again before every answer is there', async (t) => {
  const { engine, recorder, appends, first, second } = await publishToFullEngine(t)
  // Several ticks, at each of which it could be sent again.
  await new Promise((resolve) => setTimeout(resolve, 10 * INTERVALS.tick))
  t.equal(engine.asked, 2)
  await appends.letOneThrough()
  await untilSeen(async () => engine.asked, (count) => count > 2)
  engine.isFull = false
  appends.open()
  await Promise.all([first, second])
  t.strictSame(recorder.bodies, ['a', 'b'])
})

t.test('entries that were forgotten before they were read are told as lost', async (t) => {
  const engine = new FakeEngine()
  const [one, two] = [await startNode(t, engine), await startNode(t, engine)]
  await one.publish('a')
  await two.recorder.until(1)
  const reads = new Gate(engine, 'next', 1)
  // A read that is under way returns before the gate is closed.
  await one.publish('b')
  await reads.held()
  for (const body of ['c', 'd', 'e']) await one.publish(body)
  engine.trim(1)
  reads.open()
  await two.recorder.upTo('e')
  t.strictSame(two.recorder.breaks, ['lose'])
  t.strictSame(one.recorder.breaks, [])
})

t.test('a record of this process that was forgotten before it was read has its place nevertheless', async (t) => {
  const engine = new FakeEngine()
  const { publish, recorder } = await startNode(t, engine)
  const reads = new Gate(engine, 'next')
  const first = publish('a')
  await reads.held()
  const others = [publish('b'), publish('c')]
  await untilSeen(async () => bodiesIn(engine).length, (count) => count === 4)
  engine.trim(1)
  reads.open()
  t.match(await first, { offset: 1 })
  t.match(await Promise.all(others), [{ offset: 2 }, { offset: 3 }])
  t.strictSame(recorder.bodies.at(-1), 'c')
  t.strictSame(recorder.breaks, ['lose'])
})

t.test('entries that the engine gives again are placed once, and are no loss, not even those of an earlier epoch', async (t) => {
  const engine = new FakeEngine()
  const { publish, recorder } = await startNode(t, engine)
  engine.repeats = true
  for (const body of ['a', 'b', 'c']) await publish(body)
  t.strictSame(recorder.breaks, [])
  engine.flush()
  for (const body of ['d', 'e']) await publish(body)
  t.strictSame(recorder.bodies, ['a', 'b', 'c', 'd', 'e'])
  t.strictSame(recorder.breaks, ['reset'])
})

t.test('it stays unknown whether a record was stored, even if a later attempt is certainly not', async (t) => {
  const engine = new FakeEngine()
  const { publish } = await startNode(t, engine, { publishTimeout: 300 })
  const appends = new Gate(engine, 'append')
  const placed = publish('a')
  await appends.held()
  engine.cut()
  engine.isFull = true
  appends.open()
  t.match(await placed, { code: 'FST_SSE_BROKER_UNAVAILABLE', stored: undefined, message: /unknown whether the event was stored/ })
})

t.test('a record that was never sent is rejected as not stored', async (t) => {
  const engine = new FakeEngine()
  const { publish } = await startNode(t, engine, { publishTimeout: 50 })
  engine.isThere = false
  engine.cut()
  t.match(await publish('a'), { code: 'FST_SSE_BROKER_UNAVAILABLE', stored: false, message: /could not be stored within 50 ms/ })
})

t.test('a record that finds no room is rejected with the bounds', async (t) => {
  const engine = new FakeEngine()
  const { publish, broker } = await startNode(t, engine, { maxWaiting: 2, maxWaitingBytes: 10 })
  engine.isThere = false
  engine.cut()
  void publish('12345')
  t.match(await publish('123456'), { stored: false, message: /1 events of 5 bytes already wait/ })
  void publish('1')
  t.match(await publish(''), { stored: false, message: /2 events of 6 bytes already wait/ })
  t.equal(broker.health().waiting, 2)
})

t.test('`close` rejects what is left after its timeout', async (t) => {
  const engine = new FakeEngine()
  const { publish, order } = await startNode(t, engine)
  engine.isThere = false
  engine.cut()
  const placed = [publish('a'), publish('b')]
  await order.close(20)
  t.match(await Promise.all(placed), [{ stored: false }, { stored: false, message: /before the application closed/ }])
})

t.test('a node that is behind an epoch which another node has begun waits for it, and sends nothing before', async (t) => {
  const engine = new FakeEngine()
  const [one, two] = [await startNode(t, engine), await startNode(t, engine)]
  await one.publish('a')
  await two.recorder.until(1)
  const reads = new Gate(engine, 'next', 1)
  await reads.held()
  engine.flush()
  await one.publish('b')
  const third = two.publish('c')
  await untilSeen(async () => engine.asked, (count) => count >= 3)
  t.strictSame(bodiesIn(engine), [undefined, 'b'])
  reads.open()
  t.match(await third, { offset: 2 })
  t.strictSame(two.recorder.breaks, ['reset'])
  t.strictSame(two.recorder.bodies, ['a', 'b', 'c'])
})

t.test('reports: away once, back once, and a foreign record once', async (t) => {
  const engine = new FakeEngine()
  const reports: string[] = []
  const broker = new EngineBroker(engine.forBroker(), { maxWaiting: 10, maxWaitingBytes: 100, publishTimeout: 1000 }, INTERVALS)
  const order = broker.order('events')
  await broker.start({ down: (cause) => reports.push(`down: ${String(cause)}`), up: () => reports.push('up'), skipped: (name, problem) => reports.push(`${name}: ${problem}`) })
  t.teardown(async () => {
    await order.close(0)
    await broker.close()
  })
  await order.start(new OrderRecorder(), { maxEvents: Infinity, maxBytes: 1e6, keepFor: Infinity })
  t.match(broker.health(), { up: true, reconnects: 0, skipped: 0, waiting: 0 })
  engine.isThere = false
  engine.cut()
  await untilSeen(async () => broker.health().up, (up) => !up)
  await new Promise((resolve) => setTimeout(resolve, 50))
  engine.isThere = true
  await untilSeen(async () => broker.health().up, (up) => up)
  t.match(broker.health(), { up: true, reconnects: 1 })
  t.strictSame(reports, ['down: Error: the fake session is closed', 'up'])
})

t.test('an order that is published to before it is started is followed from its start', async (t) => {
  const engine = new FakeEngine()
  const { broker, publish } = await startNode(t, engine)
  const later = broker.order('later')
  const placed = later.publish(createRecord('a'))
  // The broker looks at its orders meanwhile.
  const looks = new Gate(engine, 'look')
  await looks.held()
  looks.open()
  await publish('x')
  const recorder = new OrderRecorder()
  t.teardown(() => later.close(0))
  await later.start(recorder, { maxEvents: Infinity, maxBytes: 1e6, keepFor: Infinity })
  t.match(await placed, { offset: 1 })
  t.strictSame(recorder.calls.map(({ call }) => call), ['reset', 'place'])
})

t.test('what is published to an order that is closed is rejected as not stored', async (t) => {
  const engine = new FakeEngine()
  const { order, publish } = await startNode(t, engine)
  await order.close(20)
  t.match(await publish('a'), { code: 'FST_SSE_BROKER_UNAVAILABLE', stored: false, message: /the order is closed/ })
})

t.test('an order whose name was used before is loaded before it takes what was read for the earlier one', async (t) => {
  const engine = new FakeEngine()
  const { broker, order, publish } = await startNode(t, engine)
  const bounds = { maxEvents: Infinity, maxBytes: 1e6, keepFor: Infinity }
  const [slow, slowRecorder] = [broker.order('slow'), new OrderRecorder()]
  await slow.start(slowRecorder, bounds)
  t.teardown(() => slow.close(0))
  for (const body of ['a', 'b']) await publish(body)
  // What is read for the order, together with what is read for the slow one, waits until that is ready for more.
  await order.close(0)
  const earlier = broker.order('events')
  await earlier.start(new OrderRecorder(), bounds)
  let goOn = (): void => {}
  slowRecorder.onPlace = () => new Promise((resolve) => { goOn = resolve })
  const reads = new Gate(engine, 'next')
  await reads.held()
  const placed = [slow.publish(createRecord('x')), earlier.publish(createRecord('c')).catch(() => {})]
  await untilSeen(async () => bodiesIn(engine), (bodies) => bodies.includes('c'))
  reads.open()
  await slowRecorder.until(1)
  await earlier.close(0)
  const again = broker.order('events')
  t.teardown(() => again.close(0))
  const recorder = new OrderRecorder()
  const started = again.start(recorder, bounds)
  goOn()
  await Promise.all([started, ...placed])
  await recorder.until(3)
  t.strictSame(recorder.bodies, ['a', 'b', 'c'])
  t.strictSame(recorder.breaks, [])
})

t.test('an order that cannot be begun holds up no other one, and is begun once the engine takes it', async (t) => {
  const engine = new FakeEngine()
  const reports: string[] = []
  const broker = new EngineBroker(engine.forBroker(), { maxWaiting: 10, maxWaitingBytes: 100, publishTimeout: 60_000 }, INTERVALS)
  const [first, second] = [broker.order('first'), broker.order('second')]
  await broker.start({ down: (cause) => reports.push(String(cause)), up: () => reports.push('up'), skipped () {} })
  t.teardown(async () => {
    await Promise.all([first.close(0), second.close(0)])
    await broker.close()
  })
  const bounds = { maxEvents: Infinity, maxBytes: 1e6, keepFor: Infinity }
  const recorder = new OrderRecorder()
  await first.start(recorder, bounds)
  engine.isFull = true
  const started = second.start(new OrderRecorder(), bounds)
  await untilSeen(async () => reports.length, (count) => count > 0)
  // Another node has still found room.
  engine.orders.get('first')!.entries.push({ position: { epoch: engine.orders.get('first')!.epoch, offset: 1 }, token: { publisher: 'other', counter: 1 }, entry: { token: { publisher: 'other', counter: 1 }, record: createRecord('from another') } })
  engine.orders.get('first')!.head = 1
  engine.changed()
  await recorder.until(1)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.match(broker.health(), { up: false, reconnects: 0 })
  t.strictSame(reports, ['Error: the fake engine is full'])
  engine.isFull = false
  await started
  await untilSeen(async () => broker.health().up, (up) => up)
  t.strictSame(reports, ['Error: the fake engine is full', 'up'])
})

t.test('an order that closes before it is loaded rejects its start', async (t) => {
  const engine = new FakeEngine()
  engine.isThere = false
  const broker = new EngineBroker(engine.forBroker(), { maxWaiting: 10, maxWaitingBytes: 100, publishTimeout: 60_000 }, INTERVALS)
  const order = broker.order('events')
  await broker.start({ down () {}, up () {}, skipped () {} })
  t.teardown(() => broker.close())
  const started = order.start(new OrderRecorder(), { maxEvents: Infinity, maxBytes: 1e6, keepFor: Infinity })
  await Promise.all([t.rejects(started, { code: 'FST_SSE_BROKER_UNAVAILABLE', message: /closed before it was loaded/ }), order.close(0)])
})

t.test('records that a full engine did not take are placed, although it lost the order before it had room', async (t) => {
  const engine = new FakeEngine()
  const { broker, publish, recorder } = await startNode(t, engine)
  engine.isFull = true
  const placed = publish('a')
  await untilSeen(async () => broker.health().up, (up) => !up)
  engine.flush()
  const asked = new Gate(engine, 'begin')
  await asked.letOneThrough()
  await asked.held()
  engine.isFull = false
  asked.open()
  t.match(await placed, { offset: 1 })
  t.strictSame(recorder.calls.map(({ call }) => call), ['reset', 'reset', 'place'])
})

t.test('records that were forgotten before they came back are settled with a later one that comes', async (t) => {
  const engine = new FakeEngine()
  const { publish, recorder } = await startNode(t, engine)
  const reads = new Gate(engine, 'next')
  await reads.held()
  const forgotten = [publish('a'), publish('b')]
  await untilSeen(async () => bodiesIn(engine), (bodies) => bodies.includes('b'))
  // Their answers are there before the next record is sent.
  await new Promise((resolve) => setTimeout(resolve, 10))
  engine.trim(0)
  const last = publish('c')
  await untilSeen(async () => bodiesIn(engine), (bodies) => bodies.includes('c'))
  const looks = new Gate(engine, 'look')
  reads.open()
  t.match(await Promise.all([...forgotten, last]), [{ offset: 1 }, { offset: 2 }, { offset: 3 }])
  t.strictSame(recorder.calls.map(({ call }) => call), ['reset', 'lose', 'place'])
  looks.open()
})

t.test('an order goes on when a later batch was stored although an earlier one failed', async (t) => {
  const engine = new FakeEngine()
  const { broker, publish } = await startNode(t, engine)
  const answers = new Gate(engine, 'answer')
  engine.isFull = true
  const first = publish('a')
  await answers.held()
  engine.isFull = false
  const second = publish('b')
  await untilSeen(async () => engine.asked, (asked) => asked === 2)
  answers.open()
  t.match(await first, { code: 'FST_SSE_BROKER_UNAVAILABLE', stored: false })
  t.match(await second, { offset: 1 })
  t.match(await publish('c'), { offset: 2 })
  t.match(broker.health(), { up: true })
})

t.test('an engine forgets the place in an order that is closed while it is away', async (t) => {
  const engine = new FakeEngine()
  const { broker, order } = await startNode(t, engine)
  engine.isThere = false
  engine.cut()
  await untilSeen(async () => broker.health().up, (up) => !up)
  await order.close(0)
  t.strictSame(engine.forgotten, ['events'])
})
