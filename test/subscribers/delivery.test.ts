import t from 'tap'
import { createFanOut } from '../support/fan-out.ts'

// The effects of deadlines on one stream. test/time/deadlines.test.ts tests when they are due.

t.test('a socket that sends nothing during stallTimeout is destroyed, and one that sends a little is kept', async (t) => {
  const { subscribe, hub, tick } = createFanOut({}, { timeouts: { stallTimeout: 1000 } })
  const [idle, slow, stalled] = [subscribe(), subscribe(), subscribe()]
  for (let now = 5000; now < 10_000; now += 500) {
    slow.writer.backlog = 100
    slow.writer.mark += 1
    if (now >= 7000) stalled.writer.backlog = 1
    tick(now)
    if (now < 7500) t.equal(stalled.writer.state, 'open', `at ${now}`)
  }
  t.equal(stalled.writer.state, 'destroyed')
  t.equal(await stalled.subscriber.closed, 'stalled')
  t.strictSame([idle.writer.state, slow.writer.state], ['open', 'open'])
  t.equal(hub.closes.stalled, 1)
})

t.test('a socket with bytes waiting at the first tick has the full stallTimeout', async (t) => {
  const { subscribe, tick } = createFanOut({}, { timeouts: { stallTimeout: 1000 } })
  const { writer } = subscribe()
  writer.backlog = 1
  tick(5000)
  tick(5999)
  t.equal(writer.state, 'open')
  tick(6000)
  t.equal(writer.state, 'destroyed')
})

t.test('a heartbeat is written only after a silence', async (t) => {
  const { publish, subscribe, settled, tick } = createFanOut({}, { timeouts: { heartbeatInterval: 100 } })
  const { writer } = subscribe()
  const written = (): string => writer.writes.splice(0).map(({ unframed: plain }) => plain.toString().replace(/^id: .*\n/, '')).join('')
  tick(100)
  await settled()
  t.equal(written(), ':\n')
  tick(160)
  await settled()
  t.equal(written(), '', 'no heartbeat before the next silence')
  publish('a')
  await settled()
  tick(210)
  await settled()
  t.equal(written(), 'data: a\n\n', 'an event breaks the silence')
  tick(250)
  publish('b')
  tick(400)
  await settled()
  t.equal(written(), 'data: b\n\n', 'an event about to be written breaks the silence')
})

t.test('heartbeat events are written in every interval, even beside other events', async (t) => {
  const { publish, subscribe, settled, tick } = createFanOut({}, { heartbeatEvent: true, timeouts: { heartbeatInterval: 100 } })
  const { writer } = subscribe()
  for (let time = 10; time <= 1000; time += 10) {
    publish('a')
    tick(time)
    await settled()
  }
  const heartbeats = writer.events.filter(({ type }) => type === 'sse.heartbeat').length
  t.ok(heartbeats >= 10 && heartbeats <= 14, `${heartbeats} in ten intervals`)
})

t.test('at most one heartbeat event waits for a reader that reads nothing', async (t) => {
  const { publish, subscribe, settled, tick } = createFanOut({}, { heartbeatEvent: true, timeouts: { heartbeatInterval: 100 } })
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  const sizes = new Set<number>()
  for (let time = 0; time < 10_000; time += 50) {
    tick(time)
    sizes.add(subscriber.delivery.pendingBytes)
  }
  t.equal(sizes.size, 2, 'none, then one')
})

t.test('heartbeat comments do not pile up for a reader that reads nothing', async (t) => {
  const { publish, subscribe, settled, tick } = createFanOut({}, { timeouts: { heartbeatInterval: 100 } })
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  for (let time = 0; time < 10_000; time += 50) tick(time)
  writer.isFlushed = false
  for (let time = 10_000; time < 20_000; time += 50) tick(time)
  await settled()
  t.equal(writer.writes.length, 1)
  t.equal(subscriber.delivery.pendingBytes, 0)
  writer.isFlushed = true
  writer.drain()
  await settled()
  t.ok(writer.writes.length <= 2)
})

t.test('a stream that is idle or too old receives a reconnection time, and ends after the entries placed before', async (t) => {
  for (const [reason, option] of [['idle', 'idleTimeout'], ['lifetime', 'maxLifetime']] as const) {
    const { publish, subscribe, settled, tick, hub } = createFanOut({}, { timeouts: { [option]: 100 } })
    const { subscriber, writer } = subscribe()
    tick(1)
    publish('in time')
    tick(120)
    publish('too late')
    await settled()
    t.strictSame([writer.data, writer.retries.length, writer.state], [['in time'], 1, 'ended'])
    t.equal(await subscriber.closed, reason)
    t.equal(hub.closes[reason], 1)
  }
})

t.test('an event sent to one subscriber keeps its stream from being idle, and a heartbeat does not', async (t) => {
  const { subscribe, settled, tick } = createFanOut({}, { timeouts: { idleTimeout: 100, heartbeatInterval: 20 } })
  const [busy, idle] = [subscribe(), subscribe()]
  for (let time = 0; time < 500; time += 20) {
    void busy.subscriber.send('message', 'x')
    tick(time)
    await settled()
  }
  t.strictSame([busy.writer.state, idle.writer.state], ['open', 'ended'])
  t.equal(await idle.subscriber.closed, 'idle')
})

t.test('a broadcast keeps only the streams of its channel from being idle', async (t) => {
  const { publish, subscribe, settled, tick, log } = createFanOut({}, { timeouts: { idleTimeout: 100 } })
  const [hears, hearsNot] = [subscribe(), subscribe(log.head, ['other'])]
  for (let time = 0; time < 500; time += 20) {
    publish('x')
    await settled()
    tick(time)
  }
  await settled()
  t.strictSame([hears.writer.state, hearsNot.writer.state], ['open', 'ended'])
})

t.test('an expired stream that is disconnected keeps the reason "expired", unless it is disconnected with `final: true`', async (t) => {
  const { publish, subscribe, settled, tick, log, hub } = createFanOut()
  const { subscriber, writer } = subscribe(log.head, undefined, { expiresAt: 1000 })
  writer.room = 1
  publish('a')
  await settled()
  tick(1000)
  t.equal(hub.revoke(undefined, () => true, false), 0)
  t.equal(subscriber.delivery.ending.reason, 'expired')
  t.equal(hub.revoke(undefined, () => true, true), 0)
  writer.drain()
  await settled()
  t.strictSame(writer.events.at(-1), { type: 'sse.close', data: '{"reason":"revoked"}', lastEventId: 'sse.final' })
})

t.test('an expired stream receives no further entry, even if it was placed before', async (t) => {
  const { publish, subscribe, settled, tick, log } = createFanOut()
  const { subscriber, writer } = subscribe(log.head, undefined, { expiresAt: 1000 })
  tick(999)
  publish('in time')
  await settled()
  writer.room = 0
  publish('pushed back')
  await settled()
  publish('waiting')
  const sent = subscriber.send('message', 'mine')
  tick(1000)
  writer.drain()
  await settled()
  t.strictSame([writer.data, writer.retries, writer.state], [['in time', 'pushed back'], [], 'ended'])
  t.equal(await sent, false)
  t.equal(await subscriber.closed, 'expired')
})

t.test('an ending stream does not outlive its expiry', async (t) => {
  const { publish, subscribe, settled, tick, log } = createFanOut()
  const { subscriber, writer } = subscribe(log.head, undefined, { expiresAt: 1000 })
  writer.room = 1
  publish('a')
  await settled()
  publish('b')
  subscriber.close()
  tick(1000)
  writer.drain()
  await settled()
  t.strictSame(writer.data, ['a'])
  t.equal(await subscriber.closed, 'expired')
})

t.test('a revoked or expired stream that does not accept its end is destroyed after endTimeout and keeps its reason', async (t) => {
  for (const reason of ['revoked', 'expired'] as const) {
    const { publish, subscribe, settled, tick, log, hub } = createFanOut({}, { endTimeout: 500 })
    const { subscriber, writer } = subscribe(log.head, undefined, { expiresAt: reason === 'expired' ? 1000 : Infinity })
    writer.room = 1
    publish('a')
    await settled()
    tick(1000)
    if (reason === 'revoked') hub.revoke(undefined, () => true, true)
    tick(1010)
    tick(1490)
    t.equal(writer.state, 'open')
    tick(1520)
    t.equal(writer.state, 'destroyed')
    t.equal(await subscriber.closed, reason)
  }
})

t.test('a revoked stream that stalls is destroyed as revoked, and endTimeout does not count time in which the process was stopped', async (t) => {
  const { publish, subscribe, settled, tick, hub } = createFanOut({}, { endTimeout: 500, timeouts: { stallTimeout: 300 } })
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  hub.revoke(undefined, () => true, false)
  tick(1000)
  tick(9000, 7900)
  t.equal(writer.state, 'open')
  writer.backlog = 1
  writer.isFlushed = false
  tick(9010)
  tick(9320)
  t.equal(writer.state, 'destroyed')
  t.equal(await subscriber.closed, 'revoked')
})
