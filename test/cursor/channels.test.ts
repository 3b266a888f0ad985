import t from 'tap'
import { place } from '../../lib/cursor/placement.ts'
import { View } from '../../lib/cursor/view.ts'
import { createFanOut } from '../support/fan-out.ts'

t.test('a subscriber hears its channels, each event once, in order', async (t) => {
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

t.test('the names of properties are just names', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const names = ['__proto__', 'constructor', 'toString', '*.created', 'a*', 'orders/#', '>']
  const writers = names.map((name) => subscribe(0, [name]).writer)
  for (const name of names) publish(name, { channels: [name] })
  await settled()
  t.strictSame(writers.map(({ data }) => data), names.map((name) => [name]))
})

t.test('a channel without subscribers and kept entries leaves nothing behind', async (t) => {
  const { publish, subscribe, settled, channels, views, hub } = createFanOut({ maxEvents: 10 })
  const { writer } = subscribe()
  for (let i = 0; i < 1000; i++) {
    publish('kept', { channels: [`kept ${i}`] })
    publish('ephemeral', { channels: [`ephemeral ${i}`], ephemeral: true })
  }
  publish('last')
  await settled()
  t.equal(channels.size, 10, 'nine that still have entries, and EVERYBODY')
  writer.onClosed()
  t.strictSame([views.size, hub.channels], [0, 0])
})

t.test('subscribers of the same channels share a view, in whatever order they name them', async (t) => {
  const { subscribe, views } = createFanOut()
  subscribe(0, ['a', 'b'])
  subscribe(0, ['b', 'a'])
  subscribe(0, ['a'])
  t.equal(views.size, 2)
})

t.test('an ephemeral event that nobody is there to hear is not held', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxBytes: 200 })
  const { writer } = subscribe()
  writer.room = 0
  publish('the last that its socket takes')
  await settled()
  publish('heard', { ephemeral: true })
  for (let i = 0; i < 100; i++) publish('unheard', { channels: ['nobody'], ephemeral: true })
  await settled()
  t.equal(log.losses.ephemeral, -1, 'nothing had to leave for it')
})

t.test('a later event of the same key replaces an earlier one, in its channel', async (t) => {
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
  t.equal(log.size, 3, 'replaced everywhere, it has left')
})

t.test('of many of the same key the history holds one', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxEvents: 20 })
  const { writer } = subscribe()
  publish('first')
  for (let i = 0; i < 10_000; i++) publish(String(i), { key: 'k' })
  await settled()
  t.strictSame(writer.data, ['first', '9999'])
  t.equal(log.size, 2)
  t.ok(log.bytes < 200)
})

t.test('what was evicted is no longer there to be replaced', async (t) => {
  const { publish, subscribe, settled, channels } = createFanOut({ maxEvents: 2 })
  subscribe()
  for (let i = 0; i < 100; i++) publish(String(i), { key: String(i) })
  await settled()
  for (let i = 0; i < 97; i++) publish(String(i), { key: String(i) })
  t.equal(channels.replaced, 0)
})

t.test('ephemeral events of a channel that everybody has left are let go of', async (t) => {
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
  t.equal(log.losses.ephemeral, -1, 'they take no room any more')
})

t.test('an ephemeral event is let go of once everybody has got it, and not before', async (t) => {
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
  t.equal(log.ephemeralSize, 5, 'others have got them')
  tick(1)
  t.equal(log.ephemeralSize, 5)
  writer.drain()
  await settled()
  tick(2)
  t.equal(log.ephemeralSize, 0)
  t.strictSame(writer.data.slice(-5), [0, 1, 2, 3, 4].map((i) => `late ${i}`))
  t.notOk(writer.events.some(({ type }) => type === 'sse.gap'))
})

t.test('a slow reader that leaves takes with it what waited for it alone', async (t) => {
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

t.test('an ephemeral event that is older than `maxAge` is let go of, and who had not got it is told', async (t) => {
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

t.test('an ephemeral event replaces no kept one', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { writer } = subscribe()
  publish('1', { key: 'ephemeral', ephemeral: true })
  publish('2', { key: 'ephemeral', ephemeral: true })
  publish('3', { key: 'kept' })
  await settled()
  t.strictSame(writer.data, ['2', '3'])
})

t.test('a reader that comes back hears nothing ephemeral from before', async (t) => {
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

t.test('ephemeral events that a slow reader was there for are not lost in silence', async (t) => {
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

t.test('an event in no channel at all reaches nobody, and is not kept', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut()
  const { writer } = subscribe()
  publish('x', { channels: [] })
  await settled()
  t.strictSame(writer.data, [])
  t.equal(log.size, 0)
})

t.test('joining and leaving take their places in the order', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  publish('b0', { channels: ['b'] })
  subscriber.join('b')
  publish('b1', { channels: ['b'] })
  publish('a1', { channels: ['a'] })
  subscriber.leave('a')
  publish('b2', { channels: ['b'] })
  await settled()
  t.strictSame(writer.data, ['b1', 'b2'], 'nothing of what was left is written after the call')
  t.strictSame(subscriber.channels, ['b'])
})

t.test('who joins while it is behind hears the new channel from the call on, and the old ones from where it stands', async (t) => {
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

t.test('who leaves what it was behind with goes on with what it has joined', async (t) => {
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

t.test('who leaves a channel is not told what it lost of it', async (t) => {
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

t.test('a subscriber hears at most so many channels', async (t) => {
  const { subscribe } = createFanOut({}, { maxChannelsPerSubscriber: 2 })
  const { subscriber } = subscribe(0, ['a'])
  subscriber.join('b')
  subscriber.join('b')
  t.throws(() => subscriber.join('c'), { code: 'FST_SSE_CHANNELS_EXCEEDED' })
  subscriber.leave('a')
  subscriber.join('c')
  t.strictSame(subscriber.channels, ['b', 'c'])
})

t.test('a closed subscriber joins nothing', async (t) => {
  const { subscribe, hub, channels, views } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  writer.onClosed()
  subscriber.join('b')
  subscriber.leave('a')
  t.strictSame([hub.channels, views.size, channels.size], [0, 0, 0])
})

t.test('lag counts what a subscriber has still to get of its own channels', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut()
  const { subscriber } = subscribe(0, ['a', 'b'])
  for (const channels of [['a'], ['c'], ['a', 'b'], ['b'], ['c']]) publish('x', { channels })
  t.equal(subscriber.lag, 3)
  t.equal(hub.lag, 3)
  await settled()
  t.equal(subscriber.lag, 0)
})

t.test('a stream that ends is not told of what was lost after its end', async (t) => {
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

t.test('lag counts the entries of a channel that was joined while behind from the join on, and those of two channels once', async (t) => {
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

t.test('lag counts no ephemeral entry from before a subscriber came', async (t) => {
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

t.test('the subscriber furthest behind is the one with the most entries to get, not the one at the lowest index', async (t) => {
  const { publish, subscribe, hub } = createFanOut()
  const { subscriber: earliest } = subscribe(0, ['rare', 'also rare'])
  // More slots than entries: the bound on what waits for it is the highest, what does wait is not.
  const { subscriber: replaced } = subscribe(0, ['latest'])
  const { subscriber: busy } = subscribe(0, ['busy'])
  publish('x', { channels: ['rare', 'also rare'] })
  publish('x', { channels: ['latest'] })
  for (let i = 0; i < 8; i++) publish('x', { channels: ['latest'], key: 'k' })
  for (let i = 0; i < 5; i++) publish('x', { channels: ['busy'] })
  t.strictSame([earliest.lag, replaced.lag, busy.lag], [1, 2, 5])
  t.equal(hub.lag, 5)
})

t.test('where a stranger starts is found without a look at the ephemeral events that are held, however many', async (t) => {
  const { publish, subscribe, settled, views, log } = createFanOut()
  const names = Array.from({ length: 100 }, (_, i) => `c${i}`)
  subscribe(0, names).writer.room = 0
  publish('kept', { channels: ['c7'] })
  await settled()
  for (let i = 0; i < 10_000; i++) publish('x', { channels: names, ephemeral: true })
  await settled()
  t.equal(log.ephemeralSize, 10_000)
  const view = views.acquire([...names, 'own'])
  let looks = 0
  for (const { ephemeral } of view.parts) {
    for (const method of ['at', 'slotOf', 'firstFrom', 'present'] as const) t.intercept(ephemeral, method, { get: () => { looks++; return undefined } })
  }
  const { cursor, gap } = place(log, view, { from: 'id', id: 'strange', isNamed: false }, 'replay')
  t.match(view.gap(cursor, gap!), /"oldestEventId":"\w+\.1"/)
  t.equal(view.batch(cursor, log.head, true).events, 1)
  t.equal(looks, 0)
})

t.test('readers of quiet channels that lost nothing are told so, whatever 20,000 other channels lost meanwhile', async (t) => {
  const { publish, subscribe, settled, views, log } = createFanOut({ maxEvents: 1000 })
  const quiet = Array.from({ length: 300 }, (_, i) => `quiet/${i}`)
  for (const name of quiet) subscribe(log.head, [name]).writer.end()
  for (const name of quiet.slice(0, 50)) publish('x', { channels: [name] })
  const left = log.lastEventId!
  for (const name of quiet.slice(100, 150)) publish('x', { channels: [name] })
  for (let i = 0; i < 20_000; i++) {
    publish('x', { channels: [`busy/${i}`] })
    if (i % 500 === 0) await settled()
  }
  // Nobody has to be there for the log to be trimmed.
  subscribe()
  publish('x')
  await settled()
  const gaps = quiet.map((name) => {
    const view = views.acquire([name])
    const { gap } = place(log, view, { from: 'id', id: left, isNamed: false }, 'replay')
    views.release(view)
    return gap
  })
  t.strictSame(gaps, quiet.map((_, i) => i >= 100 && i < 150 ? 'evicted' : undefined))
})

for (const [title, channelsOf] of [
  ['one channel each', (n: number) => n % 2 === 0 ? ['a'] : ['b']],
  ['both of two channels, whose events count once', () => ['a', 'b']]
] as const) {
  t.test(`what the furthest of 5,000 of ${title} has still to get is found without counting for each`, async (t) => {
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
