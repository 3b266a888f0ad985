import t from 'tap'
import { createFanOut } from '../support/fan-out.ts'

t.test('`setReconnectionTime` sends each subscriber a time within the bounds, and applies to later subscribers', async (t) => {
  const { subscribe, settled, hub } = createFanOut()
  const writers = Array.from({ length: 50 }, () => subscribe().writer)
  hub.setReconnectionTime({ min: 100, max: 200 })
  await settled()
  const told = writers.flatMap(({ retries }) => retries)
  t.equal(told.length, 50)
  t.ok(told.every((time) => time >= 100 && time <= 200 && Number.isInteger(time)))
  t.ok(new Set(told).size > 1, 'the times differ')
  t.ok(hub.drawReconnectionTime() <= 200)
})

t.test('`close` sends a reconnection time, then ends every stream cleanly', async (t) => {
  const { publish, subscribe, hub, ended } = createFanOut()
  const writers = Array.from({ length: 3 }, () => subscribe().writer)
  publish('last words')
  await hub.close()
  for (const { data, retries, state } of writers) {
    t.strictSame([data, retries.length, state], [['last words'], 1, 'ended'])
  }
  t.strictSame(ended.map(([, reason]) => reason), ['shutdown', 'shutdown', 'shutdown'])
})

t.test('`close` destroys streams that do not accept their end within shutdownTimeout', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut({}, { shutdownTimeout: 20 })
  const stalled = subscribe().writer
  stalled.room = 1
  publish('a')
  await settled()
  await hub.close()
  t.equal(stalled.state, 'destroyed')
  t.strictSame(hub.closes.shutdown, 1)
})

t.test('`close` with a shutdownTimeout of 0 destroys every stream immediately, even that of a reader that keeps up', async (t) => {
  const { subscribe, hub, ended } = createFanOut({}, { shutdownTimeout: 0 })
  const { writer } = subscribe()
  const closed = hub.close()
  t.equal(writer.state, 'destroyed')
  await closed
  t.strictSame(ended.map(([, reason]) => reason), ['shutdown'])
})

t.test('repeated calls of `close` close a stream once', async (t) => {
  const { subscribe, hub, ended } = createFanOut()
  subscribe()
  await Promise.all([hub.close(), hub.close()])
  await hub.close()
  t.equal(ended.length, 1)
})

t.test('a subscriber that arrives while the hub closes receives a reconnection time and ends', async (t) => {
  const { subscribe, settled, hub } = createFanOut()
  await hub.close()
  const { writer } = subscribe()
  await settled()
  t.equal(writer.state, 'ended')
  t.equal(writer.retries.length, 1)
  t.equal(hub.size, 0)
})

t.test('a subscriber that arrives while the hub closes and does not accept its end is destroyed', async (t) => {
  const { publish, subscribe, hub } = createFanOut({}, { shutdownTimeout: 20 })
  publish('kept')
  await hub.close()
  const { subscriber, writer } = subscribe(0)
  writer.room = 1
  t.equal(await subscriber.closed, 'shutdown')
  t.equal(writer.state, 'destroyed')
})

t.test('a shutdownTimeout longer than the longest timer does not destroy a stream immediately', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut({}, { shutdownTimeout: 3_000_000_000 })
  const { writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  const closed = hub.close()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(writer.state, 'open')
  writer.drain()
  await closed
  t.equal(writer.state, 'ended')
})

t.test('a second `close` waits for subscribers that arrived since the first', async (t) => {
  const { publish, subscribe, hub } = createFanOut({}, { shutdownTimeout: 60_000 })
  publish('kept')
  await hub.close()
  const { writer } = subscribe(0)
  writer.room = 1
  let isClosed = false
  const closed = hub.close().then(() => { isClosed = true })
  for (let n = 0; n < 10; n++) await new Promise(setImmediate)
  t.equal(isClosed, false)
  writer.drain()
  await closed
  t.equal(hub.size, 0)
})

t.test('a subscriber that arrives while the hub closes has the rest of shutdownTimeout, not all of it', async (t) => {
  const { publish, subscribe, hub } = createFanOut({}, { shutdownTimeout: 300 })
  publish('kept')
  await hub.close()
  await new Promise((resolve) => setTimeout(resolve, 200))
  const { subscriber, writer } = subscribe(0)
  writer.room = 1
  // Of two timers that are due the earlier one fires first, however late a busy machine comes to them.
  let hadMore = false
  const more = setTimeout(() => { hadMore = true }, 250)
  await subscriber.closed
  clearTimeout(more)
  t.notOk(hadMore, '100 ms are left, not 300')
})

t.test('`close` waits for a subscriber that arrives while it waits for others', async (t) => {
  const { publish, subscribe, hub } = createFanOut({}, { shutdownTimeout: 60_000 })
  const first = subscribe().writer
  first.room = 0
  publish('kept')
  for (let n = 0; n < 5; n++) await new Promise(setImmediate)
  let isClosed = false
  const closed = hub.close().then(() => { isClosed = true })
  const second = subscribe(0).writer
  second.room = 1
  first.drain()
  for (let n = 0; n < 10; n++) await new Promise(setImmediate)
  t.strictSame([first.state, isClosed], ['ended', false])
  second.drain()
  await closed
})
