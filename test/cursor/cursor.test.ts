import t from 'tap'
import { View } from '../../lib/cursor/view.ts'
import { createFanOut } from '../support/fan-out.ts'

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
  const { subscribe, hub, channels, views } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  writer.onClosed()
  subscriber.join('b')
  subscriber.leave('a')
  t.strictSame([hub.channels, views.size, channels.size], [0, 0, 0])
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
