import t from 'tap'
import type { EventRecord, Placed } from '../../lib/broker/broker.ts'
import { formatPosition, type Position } from '../../lib/broker/position.ts'
import { createFanOut } from '../support/fan-out.ts'

const OLD = '0000000001'
const NEW = '0000000002'

/** A replica that has begun at the offset 0 of an epoch, and its subscribers. */
function createReplica (...options: Parameters<typeof createFanOut>) {
  const fanOut = createFanOut(...options)
  fanOut.replica.reset({ epoch: OLD, offset: 0 })
  return fanOut
}

function placed (epoch: string, offset: number, more: Partial<EventRecord> = {}): Placed {
  const record = { channels: ['*'], body: `data: ${offset}\n\n`, ephemeral: false, id: undefined, key: undefined, time: Date.now(), ...more }
  return { position: record.ephemeral ? null : { epoch, offset }, record }
}

t.test('after a loss every open stream is told once, up to date or behind, and continues', async (t) => {
  const { replica, subscribe, settled, hub, log } = createReplica()
  const [current, slow, elsewhere] = [subscribe(), subscribe(), subscribe(log.head, ['quiet'])]
  slow.writer.room = 1
  for (let offset = 1; offset <= 3; offset++) {
    void replica.place([placed(OLD, offset)])
    await settled()
  }
  replica.lose({ epoch: OLD, offset: 9 })
  void replica.place([placed(OLD, 10)])
  await settled()
  slow.writer.drain()
  await settled()
  const typesOf = ({ writer }: typeof current): string[] => writer.events.map(({ type, data }) => type === 'sse.gap' ? JSON.parse(data).reason as string : data)
  t.strictSame(typesOf(current), ['1', '2', '3', 'evicted', '10'])
  t.strictSame(typesOf(slow), ['1', 'evicted', '2', '3', '10'])
  t.strictSame(typesOf(elsewhere), ['evicted'])
  t.equal(hub.counters.gaps.evicted, 3)
  t.equal(hub.counters.gaps.slow, 0)
})

t.test('after a reset every open stream is told once that its history is gone, and continues in the new one', async (t) => {
  const { replica, subscribe, settled, log } = createReplica()
  const [current, slow] = [subscribe(), subscribe()]
  slow.writer.room = 1
  for (let offset = 1; offset <= 3; offset++) {
    void replica.place([placed(OLD, offset)])
    await settled()
  }
  replica.reset({ epoch: NEW, offset: 0 })
  void replica.place([placed(NEW, 1)])
  await settled()
  t.equal(slow.subscriber.lastEventId, formatPosition({ epoch: OLD, offset: 1 }), 'a stream that was not told yet has an ID of the old history')
  slow.writer.drain()
  await settled()
  const typesOf = ({ writer }: typeof current): string[] => writer.events.map(({ type, data }) => type === 'sse.gap' ? JSON.parse(data).reason as string : data)
  t.strictSame(typesOf(current), ['1', '2', '3', 'foreign', '1'])
  t.strictSame(typesOf(slow), ['1', 'foreign', '1'], 'what is left of the old history is not sent any more')
  t.equal(current.writer.events.at(-1)!.lastEventId, formatPosition({ epoch: NEW, offset: 1 }))
  t.equal(slow.subscriber.lastEventId, formatPosition({ epoch: NEW, offset: 1 }))
  t.equal(log.size, 1)
})

t.test('after a reset a stream that hears nothing is not told', async (t) => {
  const { replica, subscribe, settled, log } = createReplica()
  const { writer } = subscribe(log.head, [])
  replica.reset({ epoch: NEW, offset: 0 })
  await settled()
  t.strictSame(writer.events, [])
})

t.test('with `slowSubscriber: \'close\'` a loss of the broker does not end a stream', async (t) => {
  const { replica, subscribe, settled, ended } = createReplica({}, { closesSlow: true })
  const { writer } = subscribe()
  replica.lose({ epoch: OLD, offset: 9 })
  await settled()
  t.strictSame(writer.events.map(({ type }) => type), ['sse.gap'])
  t.strictSame(ended, [])
})

t.test('`place` is pending until the subscribers whose sockets accept bytes have the records', async (t) => {
  const { replica, subscribe } = createReplica()
  const [{ writer }, full] = [subscribe(), subscribe()]
  full.writer.room = 0
  await replica.place([placed(OLD, 1), placed(OLD, 2)])
  t.strictSame(writer.data, ['1', '2'])
})

t.test('`maxAge` counts from the time of the broadcast by the wall clock', async (t) => {
  let now = 1_000_000
  const { replica, log } = createReplica({ maxAge: 60_000 }, { now: () => now })
  const ages = [50_000, -50_000, 90_000]
  void replica.place(ages.map((age, at) => placed(OLD, at + 1, { time: Date.now() - age })))
  const offsets = (): number => log.head - log.oldest()
  t.equal(offsets(), 3)
  now += 11_000
  t.equal(offsets(), 2, 'the first one was broadcast 50 seconds earlier')
  now += 50_000
  t.equal(offsets(), 0, 'no entry is younger than a later one')
})

t.test('`reach` waits for a position, and not for longer than its signal', async (t) => {
  const { replica } = createReplica()
  const reached: string[] = []
  const leaving = new AbortController()
  const wait = (name: string, position: Position, signal = new AbortController().signal): Promise<unknown> => (
    replica.reach(position, signal).then(() => reached.push(name)))
  const all = [wait('present', { epoch: OLD, offset: 0 }), wait('next', { epoch: OLD, offset: 2 }), wait('later', { epoch: NEW, offset: 5 }),
    wait('left', { epoch: OLD, offset: 9 }, leaving.signal)]
  await null
  t.strictSame(reached, ['present'])
  void replica.place([placed(OLD, 1)])
  await new Promise(setImmediate)
  t.strictSame(reached, ['present'])
  void replica.place([placed(OLD, 2)])
  await new Promise(setImmediate)
  t.strictSame(reached, ['present', 'next'])
  leaving.abort()
  await new Promise(setImmediate)
  t.strictSame(reached, ['present', 'next', 'left'])
  replica.reset({ epoch: NEW, offset: 7 })
  await Promise.all(all)
})

t.test('`place` does not stay pending because of a socket that was full, or of a channel without listeners', async (t) => {
  const { replica, subscribe } = createReplica()
  const { writer } = subscribe()
  subscribe().writer.room = 1
  // The second batch comes when the socket has just filled up, between two sweeps.
  await replica.place([placed(OLD, 1)])
  await replica.place([placed(OLD, 2)])
  await replica.place([placed(OLD, 3, { channels: ['nobody hears this'] })])
  t.strictSame(writer.data, ['1', '2'])
})

t.test('a record that exceeds `maxBytes` of this process is told as lost, and evicts nothing', async (t) => {
  const { replica, subscribe, settled, log } = createReplica({ maxBytes: 400 })
  const { writer } = subscribe()
  const body = `data: ${'ü'.repeat(200)}\n\n`
  void replica.place([placed(OLD, 1), placed(OLD, 2, { body }), placed(OLD, 3), placed(OLD, 4, { body, ephemeral: true })])
  await settled()
  t.strictSame(writer.events.map(({ type, data }) => type === 'sse.gap' ? JSON.parse(data).reason as string : data), ['evicted', '1', '3'])
  t.equal(log.size, 2)
  t.ok(log.bytes <= 400)
})
