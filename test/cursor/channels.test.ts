import t from 'tap'
import { place } from '../../lib/cursor/placement.ts'
import { View } from '../../lib/cursor/view.ts'
import { createFanOut } from '../support/fan-out.ts'

t.test('a subscriber receives each event of its channels once, in order', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const one = subscribe(0, ['a']).writer
  const both = subscribe(0, ['b', 'a']).writer
  const nothing = subscribe(0, []).writer
  publish('1', { channels: ['a'] })
  publish('2', { channels: ['b'] })
  publish('3', { channels: ['a', 'b', 'c'] })
  publish('4')
  await settled()
  t.strictSame(one.data, ['1', '3'])
  t.strictSame(both.data, ['1', '2', '3'])
  t.strictSame(nothing.data, [])
  t.equal(both.writes.length, 1)
})

t.test('a channel may have the name of an object property or of a pattern', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const names = ['__proto__', 'constructor', 'toString', '*.created', 'a*', 'orders/#', '>']
  const writers = names.map((name) => subscribe(0, [name]).writer)
  for (const name of names) publish(name, { channels: [name] })
  await settled()
  t.strictSame(writers.map(({ data }) => data), names.map((name) => [name]))
})

t.test('a channel without subscribers and kept entries is removed', async (t) => {
  const { publish, subscribe, settled, channels, hub } = createFanOut({ maxEvents: 10 })
  const { writer } = subscribe()
  for (let i = 0; i < 1000; i++) {
    publish('kept', { channels: [`kept ${i}`] })
    publish('ephemeral', { channels: [`ephemeral ${i}`], ephemeral: true })
  }
  publish('last')
  await settled()
  t.equal(channels.size, 10, 'nine channels that still have entries, and EVERYBODY')
  writer.onClosed()
  t.strictSame([channels.views, hub.channels], [0, 0])
})

t.test('subscribers of equal sets of channels share a view, in any order of the names', async (t) => {
  const { subscribe, channels } = createFanOut()
  subscribe(0, ['a', 'b'])
  subscribe(0, ['b', 'a'])
  subscribe(0, ['a'])
  t.equal(channels.views, 2)
})

t.test('an ephemeral event of a channel without subscribers is not held', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxBytes: 200 })
  const { writer } = subscribe()
  writer.room = 0
  publish('the last that its socket takes')
  await settled()
  publish('heard', { ephemeral: true })
  for (let i = 0; i < 100; i++) publish('unheard', { channels: ['nobody'], ephemeral: true })
  await settled()
  t.equal(log.evictedEphemeral, -1, 'no ephemeral entry was evicted')
})

t.test('a later event replaces an earlier event with its key, in its own channels only', async (t) => {
  const { publish, subscribe, settled, channels, log } = createFanOut()
  const a = subscribe(0, ['a']).writer
  const b = subscribe(0, ['b']).writer
  const both = subscribe(0, ['a', 'b']).writer
  publish('1', { channels: ['a', 'b'], key: 'k' })
  publish('2', { channels: ['a'], key: 'other' })
  publish('3', { channels: ['a'], key: 'k' })
  await settled()
  t.strictSame(a.data, ['2', '3'])
  t.strictSame(b.data, ['1'])
  t.strictSame(both.data, ['1', '2', '3'])
  t.equal(channels.replaced, 1)
  t.equal(log.size, 3)
  publish('4', { channels: ['b'], key: 'k' })
  t.equal(log.size, 3, 'an entry that is replaced in all its channels leaves the log')
})

t.test('the history holds one of many events with one key', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxEvents: 20 })
  const { writer } = subscribe()
  publish('first')
  for (let i = 0; i < 10_000; i++) publish(String(i), { key: 'k' })
  await settled()
  t.strictSame(writer.data, ['first', '9999'])
  t.equal(log.size, 2)
  t.ok(log.bytes < 200)
})

t.test('an evicted entry does not count as replaced', async (t) => {
  const { publish, subscribe, settled, channels } = createFanOut({ maxEvents: 2 })
  subscribe()
  for (let i = 0; i < 100; i++) publish(String(i), { key: String(i) })
  await settled()
  for (let i = 0; i < 97; i++) publish(String(i), { key: String(i) })
  t.equal(channels.replaced, 0)
})

t.test('ephemeral entries of a channel are released when its last subscriber leaves', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxBytes: 200 })
  const { writer } = subscribe(0, ['a', 'others'])
  writer.room = 0
  subscribe(0, ['b', 'others']).writer.room = 0
  publish('the last that their sockets take', { channels: ['others'] })
  await settled()
  for (let i = 0; i < 10; i++) publish('x', { channels: ['a'], ephemeral: true })
  await settled()
  writer.onClosed()
  for (let i = 0; i < 20; i++) publish('x', { channels: ['b'], ephemeral: true })
  t.equal(log.evictedEphemeral, -1, 'the released entries take no room')
})

t.test('an ephemeral entry is released once every subscriber has received it, and not before', async (t) => {
  const { publish, subscribe, settled, tick, log } = createFanOut()
  const { writer } = subscribe()
  const { writer: quiet } = subscribe(log.head, ['quiet'])
  quiet.room = 1
  publish('the last that its socket takes', { channels: ['quiet'] })
  await settled()
  for (let i = 0; i < 10; i++) publish(String(i), { ephemeral: true })
  await settled()
  t.strictSame([log.ephemeralSize, writer.data.length], [0, 10])
  writer.room = 1
  publish('the last that its socket takes')
  await settled()
  subscribe()
  for (let i = 0; i < 5; i++) publish(`late ${i}`, { ephemeral: true })
  await settled()
  t.equal(log.ephemeralSize, 5, 'one subscriber has not received the entries yet')
  tick(1)
  t.equal(log.ephemeralSize, 5)
  writer.drain()
  await settled()
  tick(2)
  t.equal(log.ephemeralSize, 0)
  t.strictSame(writer.data.slice(-5), [0, 1, 2, 3, 4].map((i) => `late ${i}`))
  t.notOk(writer.events.some(({ type }) => type === 'sse.gap'))
})

t.test('a slow reader that leaves releases the ephemeral entries that waited for it alone', async (t) => {
  const { publish, subscribe, settled, tick, log } = createFanOut()
  const { writer } = subscribe()
  writer.room = 1
  publish('the last that its socket takes')
  await settled()
  publish('waits', { ephemeral: true })
  await settled()
  t.equal(log.ephemeralSize, 1)
  writer.onClosed()
  tick(1)
  t.equal(log.ephemeralSize, 0)
})

t.test('an ephemeral entry older than `maxAge` is released, and a reader that has not received it gets sse.gap', async (t) => {
  let now = 0
  const { publish, subscribe, settled, tick, log } = createFanOut({ maxAge: 100 }, { now: () => now })
  const { writer } = subscribe()
  writer.room = 1
  publish('the last that its socket takes')
  await settled()
  publish('waits', { ephemeral: true })
  publish('waits too')
  await settled()
  now = 101
  tick(1)
  t.strictSame([log.ephemeralSize, log.size], [0, 0])
  writer.drain()
  await settled()
  t.match(writer.events.at(-1), { type: 'sse.gap' })
})

t.test('an ephemeral event replaces an earlier ephemeral event with its key, and no other event', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { writer } = subscribe()
  publish('1', { key: 'ephemeral', ephemeral: true })
  publish('2', { key: 'ephemeral', ephemeral: true })
  publish('3', { key: 'kept' })
  await settled()
  t.strictSame(writer.data, ['2', '3'])
})

t.test('a reader that comes back receives no ephemeral event from before', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut()
  subscribe()
  publish('kept')
  publish('gone', { ephemeral: true })
  publish('kept too')
  await settled()
  const replayed = subscribe(0).writer
  const { writer: held } = subscribe(0)
  held.room = 0
  publish('here', { ephemeral: true })
  await settled()
  held.drain()
  await settled()
  for (const { data } of [replayed, held]) t.strictSame(data, ['kept', 'kept too', 'here'])
  t.equal(log.size, 2)
})

t.test('a slow reader that loses ephemeral events receives sse.gap', async (t) => {
  const { publish, subscribe, settled } = createFanOut({ maxEvents: 5 })
  const { writer } = subscribe()
  writer.room = 1
  publish('0')
  await settled()
  publish('kept')
  for (let i = 0; i < 20; i++) publish(`e${i}`, { ephemeral: true })
  await settled()
  writer.drain()
  await settled()
  t.strictSame(writer.events.map(({ type, data }) => type === 'sse.gap' ? type : data), ['0', 'sse.gap', 'kept', 'e15', 'e16', 'e17', 'e18', 'e19'])
})

t.test('an event without channels reaches no subscriber and is not kept', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut()
  const { writer } = subscribe()
  publish('x', { channels: [] })
  await settled()
  t.strictSame(writer.data, [])
  t.equal(log.size, 0)
})

t.test('`join` and `leave` take effect in the order of the broadcasts', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  publish('b0', { channels: ['b'] })
  subscriber.join('b')
  publish('b1', { channels: ['b'] })
  publish('a1', { channels: ['a'] })
  subscriber.leave('a')
  publish('b2', { channels: ['b'] })
  await settled()
  t.strictSame(writer.data, ['b1', 'b2'], 'no event of the left channel is written after the call')
  t.strictSame(subscriber.channels, ['b'])
})

t.test('a subscriber that joins a channel while it is behind receives the new channel from the call on and the old ones from its cursor on', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  writer.room = 1
  publish('a1', { channels: ['a'] })
  await settled()
  publish('a2', { channels: ['a'] })
  publish('b1', { channels: ['b'] })
  subscriber.join('b')
  publish('b2', { channels: ['b'] })
  subscriber.join('c')
  publish('c1', { channels: ['c'] })
  publish('b3', { channels: ['b'] })
  subscriber.leave('b')
  publish('b4', { channels: ['b'] })
  subscriber.join('b')
  publish('b5', { channels: ['b'] })
  t.strictSame([...subscriber.channels].sort(), ['a', 'b', 'c'])
  t.equal(hub.of('b').size, 1)
  writer.drain()
  await settled()
  t.strictSame(writer.data, ['a1', 'a2', 'c1', 'b5'])
  t.strictSame(subscriber.channels, ['a', 'b', 'c'])
})

t.test('a subscriber that leaves the channel it was behind in continues with the channel it has joined', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  writer.room = 1
  publish('a1', { channels: ['a'] })
  await settled()
  publish('a2', { channels: ['a'] })
  publish('b1', { channels: ['b'] })
  subscriber.join('b')
  publish('b2', { channels: ['b'] })
  subscriber.leave('a')
  writer.drain()
  await settled()
  t.strictSame(writer.data, ['a1', 'b2'])
})

t.test('a subscriber that leaves a channel receives no gap for entries lost in it', async (t) => {
  const { publish, subscribe, settled } = createFanOut({ maxEvents: 5 })
  const { subscriber, writer } = subscribe(0, ['a', 'b'])
  subscribe()
  writer.room = 1
  publish('a1', { channels: ['a'] })
  await settled()
  for (let i = 0; i < 20; i++) publish('a', { channels: ['a'] })
  publish('b1', { channels: ['b'] })
  publish('tick')
  await settled()
  subscriber.leave('a')
  writer.drain()
  await settled()
  t.strictSame(writer.events.map(({ type }) => type), ['message', 'message'])
  t.strictSame(writer.data, ['a1', 'b1'])
})

t.test('`join` throws beyond maxChannelsPerSubscriber', async (t) => {
  const { subscribe } = createFanOut({}, { maxChannelsPerSubscriber: 2 })
  const { subscriber } = subscribe(0, ['a'])
  subscriber.join('b')
  subscriber.join('b')
  t.throws(() => subscriber.join('c'), { code: 'FST_SSE_CHANNELS_EXCEEDED' })
  subscriber.leave('a')
  subscriber.join('c')
  t.strictSame(subscriber.channels, ['b', 'c'])
})

t.test('`join` and `leave` have no effect on a closed subscriber', async (t) => {
  const { subscribe, hub, channels } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  writer.onClosed()
  subscriber.join('b')
  subscriber.leave('a')
  t.strictSame([hub.channels, channels.views, channels.size], [0, 0, 0])
})

t.test('lag counts the entries of its channels that a subscriber has not received yet', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut()
  const { subscriber } = subscribe(0, ['a', 'b'])
  for (const channels of [['a'], ['c'], ['a', 'b'], ['b'], ['c']]) publish('x', { channels })
  t.equal(subscriber.lag, 3)
  t.equal(hub.lag, 3)
  await settled()
  t.equal(subscriber.lag, 0)
})

t.test('an ending stream receives no gap for entries lost after its end', async (t) => {
  const { publish, subscribe, settled } = createFanOut({ maxBytes: 150 })
  const { subscriber, writer } = subscribe(0, ['c'])
  publish('from before it joined')
  publish('e', { channels: ['c'], ephemeral: true })
  subscriber.join('*')
  subscriber.close()
  for (let i = 0; i < 20; i++) publish('after', { channels: ['c'] })
  await settled()
  t.strictSame(writer.events.map(({ type, data }) => type === 'message' ? data : type), ['e'])
})

t.test('lag counts the entries of a channel joined while behind from the join on, and an entry of two channels once', async (t) => {
  const { publish, subscribe, hub } = createFanOut()
  const { subscriber } = subscribe(0, ['a'])
  publish('1', { channels: ['a'] })
  publish('before', { channels: ['b'] })
  subscriber.join('b')
  publish('2', { channels: ['b'] })
  publish('3', { channels: ['a', 'b'] })
  publish('4', { channels: ['b'], ephemeral: true })
  subscriber.join('c')
  publish('5', { channels: ['b', 'c'] })
  publish('6', { channels: ['c'] })
  t.equal(subscriber.lag, 6)
  t.equal(hub.lag, 6)
})

t.test('lag does not count ephemeral entries from before the subscriber came', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut()
  const { writer: holds } = subscribe()
  holds.room = 1
  publish('the last that its socket takes')
  await settled()
  for (let i = 0; i < 5; i++) publish('x', { ephemeral: true })
  publish('kept')
  await settled()
  t.equal(log.ephemeralSize, 5)
  const { subscriber } = subscribe(1)
  t.equal(subscriber.lag, 1)
})

t.test('the lag of the hub is that of the subscriber with the most entries to receive, not of the one at the lowest index', async (t) => {
  const { publish, subscribe, hub } = createFanOut()
  const { subscriber: earliest } = subscribe(0, ['rare', 'also rare'])
  // More slots than entries: the upper bound of this lag is the highest, the lag itself is not.
  const { subscriber: replaced } = subscribe(0, ['latest'])
  const { subscriber: busy } = subscribe(0, ['busy'])
  publish('x', { channels: ['rare', 'also rare'] })
  publish('x', { channels: ['latest'] })
  for (let i = 0; i < 8; i++) publish('x', { channels: ['latest'], key: 'k' })
  for (let i = 0; i < 5; i++) publish('x', { channels: ['busy'] })
  t.strictSame([earliest.lag, replaced.lag, busy.lag], [1, 2, 5])
  t.equal(hub.lag, 5)
})

t.test('a reader with an unknown ID is placed without a look at the 10,000 ephemeral entries held', async (t) => {
  const { publish, subscribe, settled, channels, log } = createFanOut()
  const names = Array.from({ length: 100 }, (_, i) => `c${i}`)
  subscribe(0, names).writer.room = 0
  publish('kept', { channels: ['c7'] })
  await settled()
  for (let i = 0; i < 10_000; i++) publish('x', { channels: names, ephemeral: true })
  await settled()
  t.equal(log.ephemeralSize, 10_000)
  const view = channels.view([...names, 'own'])
  let looks = 0
  for (const { ephemeral } of view.parts) {
    for (const method of ['at', 'slotOf', 'firstFrom', 'present'] as const) t.intercept(ephemeral, method, { get: () => { looks++; return undefined } })
  }
  const { cursor, gap } = place(log, view, { from: 'id', id: 'strange', isNamed: false }, 'replay')
  t.match(view.gap(cursor, gap!), /"oldestEventId":"\w+\.1"/)
  t.equal(view.batch(cursor, log.head, true).events, 1)
  t.equal(looks, 0)
})

t.test('readers of quiet channels without losses receive no gap after 20,000 other channels have lost entries', async (t) => {
  const { publish, subscribe, settled, channels, log } = createFanOut({ maxEvents: 1000 })
  const quiet = Array.from({ length: 300 }, (_, i) => `quiet/${i}`)
  for (const name of quiet) subscribe(log.head, [name]).writer.end()
  for (const name of quiet.slice(0, 50)) publish('x', { channels: [name] })
  const left = log.lastEventId!
  for (const name of quiet.slice(100, 150)) publish('x', { channels: [name] })
  for (let i = 0; i < 20_000; i++) {
    publish('x', { channels: [`busy/${i}`] })
    if (i % 500 === 0) await settled()
  }
  // The log is trimmed after each sweep, with or without subscribers.
  subscribe()
  publish('x')
  await settled()
  const gaps = quiet.map((name) => {
    const view = channels.view([name])
    const { gap } = place(log, view, { from: 'id', id: left, isNamed: false }, 'replay')
    channels.release(view)
    return gap
  })
  t.strictSame(gaps, quiet.map((_, i) => i >= 100 && i < 150 ? 'evicted' : undefined))
})

for (const [title, channelsOf] of [
  ['with one channel each', (n: number) => n % 2 === 0 ? ['a'] : ['b']],
  ['with both of two channels, whose events count once', () => ['a', 'b']]
] as const) {
  t.test(`the lag of 5,000 subscribers ${title} is found with fewer than ten counts`, async (t) => {
    const { publish, subscribe, settled, hub } = createFanOut()
    let walks = 0
    const { countFrom } = View.prototype
    View.prototype.countFrom = function (...args) {
      walks++
      return countFrom.apply(this, args)
    }
    t.after(() => { View.prototype.countFrom = countFrom })
    for (let n = 0; n < 5000; n++) {
      const { writer } = subscribe(undefined, channelsOf(n))
      writer.room = 0
      publish(`${n}`, { channels: ['a', 'b'] })
      if (n % 100 === 0) await settled()
    }
    await settled()
    t.ok(hub.lag > 4000, `${hub.lag}`)
    walks = 0
    void hub.lag
    t.ok(walks > 0 && walks < 10, `${walks} walks`)
  })
}
