import t from 'tap'
import type { Log } from '../../lib/log/log.ts'
import type { View } from '../../lib/cursor/view.ts'
import { createFanOut } from '../support/fan-out.ts'

/** The event ID of an entry, by its index. */
const idOf = (log: Log, index: number): string => log.idBefore(index + 1)!

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i))

t.test('nothing is written within the call that publishes', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { writer } = subscribe()
  publish('a')
  t.strictSame(writer.writes, [])
  await settled()
  t.strictSame(writer.data, ['a'])
})

t.test('entries published in one turn of the event loop leave in one write', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { writer } = subscribe()
  numbers(0, 100).forEach((data) => publish(data))
  await settled()
  t.equal(writer.writes.length, 1)
  t.strictSame(writer.data, numbers(0, 100))
})

t.test('subscribers at one cursor receive one shared chunk', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const writers = Array.from({ length: 10 }, () => subscribe().writer)
  numbers(0, 3).forEach((data) => publish(data))
  await settled()
  for (const { writes } of writers) t.equal(writes[0], writers[0]!.writes[0])
})

t.test('a batch is limited to 64 KiB, and a larger entry is written alone', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { writer } = subscribe()
  const half = 'h'.repeat(30_000)
  for (const data of [half, half, half, 'x'.repeat(200_000), half]) publish(data)
  await settled()
  t.strictSame(writer.writes.map(({ unframed: plain }) => Math.round(plain.length / 30_000)), [2, 1, 7, 1])
  t.equal(writer.data.length, 5)
})

t.test('a socket that pushes back delays only its own reader, which loses no event', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const slow = subscribe().writer
  const healthy = subscribe().writer
  slow.room = 1
  for (const data of numbers(0, 50)) {
    publish(data)
    await settled()
  }
  t.strictSame(healthy.data, numbers(0, 50))
  t.strictSame(slow.data, ['0'])
  slow.drain()
  await settled()
  t.strictSame(slow.data, numbers(0, 50))
  t.equal(slow.writes.length, 2, 'the remaining events came in one write')
})

t.test('a subscriber receives one batch per sweep, even if several of its channels have new entries', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const order: string[] = []
  const record = (name: string, { writer }: ReturnType<typeof subscribe>): void => {
    const write = writer.write.bind(writer)
    writer.write = (chunk) => {
      order.push(name)
      return write(chunk)
    }
  }
  record('both', subscribe(undefined, ['a', 'b']))
  record('b', subscribe(undefined, ['b']))
  for (const channels of [['a'], ['b'], ['a', 'b']]) publish('x'.repeat(50_000), { channels })
  await settled()
  t.strictSame(order, ['both', 'b', 'both', 'b', 'both'])
})

t.test('a subscriber that falls behind the log receives one sse.gap and continues with the oldest entry', async (t) => {
  const { publish, subscribe, settled, log, hub } = createFanOut({ maxEvents: 10 })
  const { writer } = subscribe()
  writer.room = 1
  for (const data of numbers(0, 50)) {
    publish(data)
    await settled()
  }
  writer.drain()
  await settled()
  t.strictSame(writer.data, ['0', ...numbers(40, 50)])
  const gaps = writer.events.filter(({ type }) => type === 'sse.gap')
  t.equal(gaps.length, 1)
  t.strictSame(JSON.parse(gaps[0]!.data), { reason: 'slow', oldestEventId: idOf(log, 40) })
  t.equal(gaps[0]!.lastEventId, log.idBefore(40), 'a reader that resumes from the ID of the gap misses nothing more')
  t.equal(hub.counters.gaps.slow, 1)
})

t.test('a burst of more than maxEvents within one turn reaches every healthy reader', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxEvents: 10 })
  const writers = Array.from({ length: 200 }, () => subscribe().writer)
  numbers(0, 1000).forEach((data) => publish(data))
  await settled()
  for (const writer of writers) t.strictSame(writer.data, numbers(0, 1000))
  t.equal(log.size, 10)
})

t.test('a burst of more than one batch reaches every healthy reader', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxEvents: 10 })
  const writers = Array.from({ length: 20 }, () => subscribe().writer)
  const texts = numbers(0, 200).map((number) => number.padEnd(5000, 'x'))
  texts.forEach((data) => publish(data))
  await new Promise(setImmediate)
  publish('meanwhile')
  await settled()
  for (const writer of writers) t.strictSame(writer.data, [...texts, 'meanwhile'])
  t.equal(log.size, 10)
})

t.test('a burst during a sweep reaches subscribers that the sweep has served already', async (t) => {
  const { publish, subscribe, settled, view: viewOf } = createFanOut({ maxEvents: 10 })
  const writers = Array.from({ length: 300 }, () => subscribe().writer)
  // Slow batches, so that the sweep is divided into slices.
  slowDown(viewOf(), 0.2)
  publish('first')
  await new Promise(setImmediate)
  const served = writers.filter(({ data }) => data.length > 0).length
  t.ok(served > 0 && served < writers.length, 'the sweep is under way')
  numbers(0, 100).forEach((data) => publish(data))
  await settled()
  for (const writer of writers) t.strictSame(writer.data, ['first', ...numbers(0, 100)])
})

/** The number of turns of the event loop that `work` takes. */
async function turnsOf (work: () => Promise<void>): Promise<number> {
  let turns = 0
  const count = (): void => { turns++; next = setImmediate(count) }
  let next = setImmediate(count)
  await work()
  clearImmediate(next)
  return turns
}

function spend (milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

/** Makes every batch of a view take `milliseconds`. */
function slowDown (view: View, milliseconds: number): void {
  const run = view.batch.bind(view)
  view.batch = (...args) => {
    spend(milliseconds)
    return run(...args)
  }
}

t.test('a long sweep yields to the event loop', async (t) => {
  t.test('while it writes', async (t) => {
    const { publish, subscribe, settled, view: viewOf } = createFanOut()
    for (let i = 0; i < 500; i++) subscribe()
    slowDown(viewOf(), 0.1)
    publish('a')
    const turns = await turnsOf(settled)
    t.ok(turns >= 4, `500 writes of 0.1 ms took ${turns} turns`)
  })

  t.test('after fewer writes if they are large', async (t) => {
    const { publish, subscribe, settled } = createFanOut()
    for (let i = 0; i < 100; i++) {
      const { writer } = subscribe()
      const write = writer.write.bind(writer)
      writer.write = (chunk) => {
        spend(2)
        return write(chunk)
      }
    }
    publish('x'.repeat(64 * 1024))
    const turns = await turnsOf(settled)
    t.ok(turns >= 15, `100 writes of 2 ms took ${turns} turns`)
  })

  t.test('while no socket accepts anything', async (t) => {
    const { publish, subscribe, settled } = createFanOut()
    const writers = Array.from({ length: 2000 }, () => subscribe().writer)
    let looks = 0
    for (const writer of writers) {
      Object.defineProperty(writer, 'isOpen', {
        get () {
          looks++
          spend(0.05)
          return false
        }
      })
    }
    publish('a')
    const turns = await turnsOf(async () => { while (looks < writers.length) await new Promise(setImmediate) })
    t.ok(turns >= 5, `2000 looks of 0.05 ms took ${turns} turns`)
    for (const writer of writers) Object.defineProperty(writer, 'isOpen', { value: true })
    publish('b')
    await settled()
    for (const writer of writers) t.strictSame(writer.data, ['a', 'b'])
  })
})

t.test('a replaying reader takes turns with live readers', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  for (let i = 0; i < 40; i++) publish('r'.repeat(60_000))
  await settled()
  const replaying = subscribe(0).writer
  const live = subscribe().writer
  publish('now')
  const order: string[] = []
  for (const [name, writer] of Object.entries({ replaying, live })) {
    const write = writer.write.bind(writer)
    writer.write = (chunk) => { order.push(name); return write(chunk) }
  }
  await settled()
  t.ok(order.indexOf('live') <= 1, order.join(' '))
  t.equal(replaying.data.length, 41)
})

t.test('an event published by a close listener has one place in the order of all subscribers', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut()
  const { writer: one } = subscribe()
  const { subscriber, writer: leaving } = subscribe()
  const { writer: two } = subscribe()
  subscriber.closed.then(() => publish('bye'))
  publish('a')
  leaving.onClosed()
  publish('b')
  await settled()
  t.strictSame(one.data, ['a', 'b', 'bye'])
  t.strictSame(two.data, one.data)
  t.equal(hub.size, 2)
})

t.test('a subscriber that ends while it is queued is skipped', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut()
  const { writer } = subscribe()
  publish('a')
  writer.onClosed()
  await settled()
  t.strictSame(writer.writes, [])
  t.equal(hub.size, 0)
})

for (const ephemeral of [false, true]) {
  t.test(`a subscriber of large ${ephemeral ? 'ephemeral' : 'kept'} events that takes one write at a time receives events between any two gaps`, async (t) => {
    const { publish, subscribe, settled } = createFanOut({ maxBytes: 5000 })
    const { writer } = subscribe()
    writer.room = 1
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 10; n++) publish(`${round} ${'x'.repeat(1000)}`, { ephemeral })
      await settled()
      writer.drain(1)
      await settled()
    }
    const types = writer.events.map(({ type }) => type)
    t.ok(types.filter((type) => type === 'sse.gap').length >= 4)
    t.notMatch(types.join(' '), 'sse.gap sse.gap')
  })
}

t.test('an entry evicted before a subscriber reaches the place where it joined the channel is reported as a gap', async (t) => {
  const { publish, subscribe, settled } = createFanOut({ maxEvents: 0, maxBytes: 150 })
  const { subscriber, writer } = subscribe(0, ['a'])
  publish('0', { channels: [], ephemeral: true })
  void subscriber.send('message', 'sent')
  publish('1', { channels: ['a'], ephemeral: true })
  subscriber.join('b')
  // The entry that evicts others needs no subscriber.
  publish('x'.repeat(1000), { channels: [], ephemeral: true })
  await new Promise(setImmediate)
  publish('2', { channels: ['b'], ephemeral: true })
  publish('x'.repeat(1000), { channels: [], ephemeral: true })
  await settled()
  t.strictSame(writer.events.map(({ type, data }) => type === 'sse.gap' ? type : data), ['sse.gap', 'sent', 'sse.gap'])
})

t.test('a subscriber whose socket accepts a burst within two turns loses no event, even if only five are kept', async (t) => {
  const { publish, subscribe, log } = createFanOut({ maxEvents: 5 })
  const { writer } = subscribe()
  writer.room = 1
  numbers(0, 500).forEach((data) => publish(`${data} ${'x'.repeat(300)}`))
  // As over TLS and HTTP/2, written bytes leave after the turn.
  for (let turns = 0; turns < 50; turns++) {
    await new Promise(setImmediate)
    if (turns % 2 === 1) writer.drain(1)
  }
  t.strictSame(writer.data.map((data) => parseInt(data)), numbers(0, 500).map(Number))
  t.equal(log.size, 5)
})

t.test('with `afterGap: \'live\'` a subscriber that falls behind the log continues with new events, also in channels joined meanwhile', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxEvents: 10 }, { replaysGaps: false })
  const { writer, subscriber } = subscribe()
  writer.room = 1
  publish('0')
  await settled()
  subscribe()
  for (let n = 1; n < 50; n++) publish(String(n))
  subscriber.join('more')
  await settled()
  t.equal(log.size, 10)
  void subscriber.send('message', 'sent while it was behind')
  writer.drain()
  await settled()
  publish('50', { channels: ['more'] })
  await settled()
  t.equal(writer.data.at(-1), '50')
  publish('51', { channels: ['*', 'more'] })
  await settled()
  t.strictSame(writer.data, ['0', 'sent while it was behind', '50', '51'])
  const [gap, ...others] = writer.events.filter(({ type }) => type === 'sse.gap')
  t.strictSame([JSON.parse(gap!.data), gap!.lastEventId, others], [{ reason: 'slow' }, idOf(log, 49), []])
  t.equal(subscriber.lag, 0)
})
