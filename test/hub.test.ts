import t from 'tap'
import { createFanOut } from './support/fan-out.ts'

t.test('setReconnectionTime tells those who are there, each within the bounds, and holds for those to come', async (t) => {
  const { subscribe, settled, hub } = createFanOut()
  const writers = Array.from({ length: 50 }, () => subscribe().writer)
  hub.setReconnectionTime({ min: 100, max: 200 })
  await settled()
  const told = writers.flatMap(({ retries }) => retries)
  t.equal(told.length, 50)
  t.ok(told.every((time) => time >= 100 && time <= 200 && Number.isInteger(time)))
  t.ok(new Set(told).size > 1, 'they do not all come back at once')
  t.ok(hub.drawReconnectionTime() <= 200)
})

t.test('closing says when to come back, then ends every stream cleanly', async (t) => {
  const { publish, subscribe, hub, ended } = createFanOut()
  const writers = Array.from({ length: 3 }, () => subscribe().writer)
  publish('last words')
  await hub.close()
  for (const { data, retries, state } of writers) {
    t.strictSame([data, retries.length, state], [['last words'], 1, 'ended'])
  }
  t.strictSame(ended.map(([, reason]) => reason), ['shutdown', 'shutdown', 'shutdown'])
})

t.test('closing cuts those who do not take their end in time', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut({}, { shutdownTimeout: 20 })
  const stalled = subscribe().writer
  stalled.room = 1
  publish('a')
  await settled()
  await hub.close()
  t.equal(stalled.state, 'destroyed')
  t.strictSame(hub.closes.shutdown, 1)
})

t.test('closing with a shutdownTimeout of 0 waits for nobody, not even for those who read', async (t) => {
  const { subscribe, hub, ended } = createFanOut({}, { shutdownTimeout: 0 })
  const { writer } = subscribe()
  const closed = hub.close()
  t.equal(writer.state, 'destroyed')
  await closed
  t.strictSame(ended.map(([, reason]) => reason), ['shutdown'])
})

t.test('closing twice is closing once', async (t) => {
  const { subscribe, hub, ended } = createFanOut()
  subscribe()
  await Promise.all([hub.close(), hub.close()])
  await hub.close()
  t.equal(ended.length, 1)
})

t.test('who comes while the hub closes is sent away', async (t) => {
  const { subscribe, settled, hub } = createFanOut()
  await hub.close()
  const { writer } = subscribe()
  await settled()
  t.equal(writer.state, 'ended')
  t.equal(writer.retries.length, 1)
  t.equal(hub.size, 0)
})

t.test('who comes while the hub closes, and does not take its end, is cut too', async (t) => {
  const { publish, subscribe, hub } = createFanOut({}, { shutdownTimeout: 20 })
  publish('kept')
  await hub.close()
  const { subscriber, writer } = subscribe(0)
  writer.room = 1
  t.equal(await subscriber.closed, 'shutdown')
  t.equal(writer.state, 'destroyed')
})

t.test('a reader has as long as it takes, where shutdownTimeout is longer than any timer', async (t) => {
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

t.test('closing again waits for those that came since', async (t) => {
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

t.test('those that come while the hub closes have what is left of the time, not all of it again', async (t) => {
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
  t.notOk(hadMore, 'the 100 ms that are left, not 300')
})

t.test('whoever comes while the hub waits for others is waited for, too', async (t) => {
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
