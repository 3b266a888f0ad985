import t from 'tap'
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
  const { publish, subscribe, settled, channels, views, hub } = createFanOut({ maxEvents: 10 })
  const { writer } = subscribe()
  for (let i = 0; i < 1000; i++) {
    publish('kept', { channels: [`kept ${i}`] })
    publish('ephemeral', { channels: [`ephemeral ${i}`], ephemeral: true })
  }
  publish('last')
  await settled()
  t.equal(channels.size, 10, 'nine channels that still have entries, and EVERYBODY')
  writer.onClosed()
  t.strictSame([views.size, hub.channels], [0, 0])
})

t.test('subscribers of equal sets of channels share a view, in any order of the names', async (t) => {
  const { subscribe, views } = createFanOut()
  subscribe(0, ['a', 'b'])
  subscribe(0, ['b', 'a'])
  subscribe(0, ['a'])
  t.equal(views.size, 2)
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
  t.equal(log.losses.ephemeral, -1, 'no ephemeral entry was evicted')
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
  t.equal(log.losses.ephemeral, -1, 'the released entries take no room')
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
