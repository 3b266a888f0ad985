import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { EVERYBODY } from '../../lib/log/channel-name.ts'
import { LogCursor } from '../../lib/cursor/log-cursor.ts'
import { Delivery } from '../../lib/subscribers/delivery.ts'
import { NOWHERE } from '../../lib/response/response-writer.ts'
import { Subscriber } from '../../lib/subscribers/subscriber.ts'
import { createFanOut } from '../support/fan-out.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

t.test('a subscriber has a constant and unique ID', async (t) => {
  const { subscribe } = createFanOut()
  const [first, second] = [subscribe().subscriber, subscribe().subscriber]
  t.match(first.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  t.equal(first.id, first.id)
  t.not(first.id, second.id)
})

t.test('an event sent to one subscriber has its place among the broadcasts', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { subscriber, writer } = subscribe()
  const other = subscribe().writer
  publish('a')
  void subscriber.send('message', 'between')
  publish('b')
  void subscriber.send('message', 'last')
  await settled()
  t.strictSame(writer.data, ['a', 'between', 'b', 'last'])
  t.strictSame(other.data, ['a', 'b'])
})

t.test('a subscriber that falls behind the log still receives events sent to it alone', async (t) => {
  const { publish, subscribe, settled } = createFanOut({ maxEvents: 2 })
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  publish('b')
  void subscriber.send('message', 'mine')
  for (const data of ['c', 'd', 'e']) publish(data)
  await settled()
  for (const data of ['f', 'g']) publish(data)
  await settled()
  writer.drain()
  await settled()
  t.strictSame(writer.events.map(({ type, data }) => type === 'message' ? data : type), ['a', 'sse.gap', 'mine', 'f', 'g'])
})

t.test('`close` ends the stream after all entries placed before it, and nothing follows', async (t) => {
  const { publish, subscribe, settled, ended } = createFanOut()
  const { subscriber, writer } = subscribe()
  publish('a')
  subscriber.close()
  publish('b')
  void subscriber.send('message', 'late')
  await settled()
  t.strictSame(writer.data, ['a'])
  t.equal(writer.state, 'ended')
  t.strictSame(ended, [[subscriber, 'ended']])
})

t.test('`close` waits for a reader that is behind', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  publish('b')
  subscriber.close()
  await settled()
  t.equal(writer.state, 'open')
  writer.drain()
  await settled()
  t.strictSame(writer.data, ['a', 'b'])
  t.equal(writer.state, 'ended')
})

t.test('a subscriber has exactly one close reason, even if several causes coincide', async (t) => {
  const { subscribe, settled, hub, ended } = createFanOut()
  const { subscriber, writer } = subscribe()
  const reasons: string[] = []
  subscriber.closed.then((reason) => reasons.push(reason))
  subscriber.closed.then((reason) => reasons.push(reason))
  subscriber.close()
  subscriber.close()
  subscriber.delivery.ending.end('shutdown')
  await settled()
  writer.onClosed()
  subscriber.delivery.ending.destroy('error')
  await settled()
  t.strictSame(reasons, ['ended', 'ended'])
  t.strictSame(ended, [[subscriber, 'ended']])
  t.strictSame(Object.entries(hub.closes).filter(([, count]) => count > 0), [['ended', 1]])
})

t.test('a reader that leaves before the end of its stream closes it with the reason "reader"', async (t) => {
  const { publish, subscribe, settled } = createFanOut()
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  subscriber.close()
  writer.onClosed()
  t.equal(await subscriber.closed, 'reader')
})

t.test('`closed` and `signal` give the close reason, whether read before or after the end', async (t) => {
  const { subscribe, settled } = createFanOut()
  for (const early of [true, false]) {
    const { subscriber } = subscribe()
    const before = early ? [subscriber.closed, subscriber.signal] : []
    if (early) t.equal(subscriber.signal.aborted, false)
    subscriber.close()
    await settled()
    t.equal(await subscriber.closed, 'ended')
    t.equal(subscriber.signal.aborted, true)
    t.equal(subscriber.signal.reason, 'ended')
    if (early) t.strictSame(before, [subscriber.closed, subscriber.signal])
  }
})

t.test('lag and lastEventId follow the cursor', async (t) => {
  const { publish, subscribe, settled, log, hub } = createFanOut()
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  publish('b')
  publish('c')
  t.equal(subscriber.lag, 2)
  t.equal(hub.lag, 2)
  t.equal(subscriber.lastEventId, log.idBefore(1))
  writer.drain()
  await settled()
  t.equal(subscriber.lag, 0)
  t.equal(subscriber.lastEventId, log.lastEventId)
})

t.test('lastEventId of a closed subscriber stays the ID of its last served entry after evictions', async (t) => {
  const { publish, subscribe, settled, log } = createFanOut({ maxEvents: 2 })
  const { subscriber, writer } = subscribe()
  publish('a')
  await settled()
  const served = log.lastEventId
  writer.onClosed()
  for (const data of ['b', 'c', 'd', 'e']) publish(data)
  await settled()
  t.equal(subscriber.lastEventId, served)
})

t.test('only the newest of many waiting reconnection times is sent', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut()
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  for (let time = 1; time <= 1000; time++) hub.setReconnectionTime({ min: time, max: time })
  void subscriber.send('message', 'mine')
  writer.drain()
  await settled()
  t.strictSame(writer.retries, [1000])
  t.strictSame(writer.data, ['a', 'mine'])
})

t.test('a subscriber whose stream never opened is closed, and ignores `close` and `send`', async (t) => {
  const { log, views, hub, pump } = createFanOut()
  const cursor = new LogCursor(log, views, views.acquire([EVERYBODY]), 0)
  const delivery = new Delivery(hub, pump, cursor, NOWHERE)
  delivery.ending.destroy('reader')
  delivery.close()
  const subscriber = new Subscriber(hub, delivery, {})
  subscriber.close()
  void subscriber.send('message', 'x')
  t.equal(await subscriber.closed, 'reader')
  t.equal(subscriber.signal.aborted, true)
  t.equal(subscriber.delivery.waiting, false)
  t.equal(views.size, 0)
  t.equal(hub.size, 0)
})

t.test('a subscriber is no longer counted when its signal aborts', async (t) => {
  const { subscribe, hub } = createFanOut()
  const { subscriber, writer } = subscribe(0, ['a'])
  const seen: number[] = []
  subscriber.signal.addEventListener('abort', () => seen.push(hub.size, hub.channels))
  writer.onClosed()
  t.strictSame(seen, [0, 0])
})

t.test('an ending subscriber that is revoked ends without its waiting entries', async (t) => {
  const { publish, subscribe, settled, hub } = createFanOut()
  const { subscriber, writer } = subscribe()
  writer.room = 1
  publish('a')
  await settled()
  publish('secret')
  subscriber.close()
  t.equal(hub.revoke(undefined, () => true, true), 1)
  t.equal(hub.revoke(undefined, () => true, false), 0, 'the revocation is still final')
  writer.drain()
  await settled()
  t.strictSame(writer.events.map(({ type, data }) => type === 'message' ? data : type), ['a', 'sse.close'])
  t.equal(await subscriber.closed, 'revoked')
  t.equal(hub.revoke(undefined, () => true, true), 0)
})

t.test('a predicate that returns a promise disconnects no subscriber and is reported', async (t) => {
  const { subscribe, hub, failed } = createFanOut()
  subscribe()
  t.equal(hub.revoke(undefined, (async () => { throw new Error('nobody waits') }) as never, false), 0)
  t.match(failed, [{ code: 'FST_SSE_OPTION_INVALID', message: /"disconnect\.predicate".*a promise$/ }])
})

t.test('an ending subscriber that falls behind the log receives sse.gap, and keeps its close reason', async (t) => {
  for (const closesSlow of [false, true]) {
    const { publish, subscribe, settled } = createFanOut({ maxEvents: 2 }, { closesSlow })
    const { subscriber, writer } = subscribe()
    subscribe()
    writer.room = 1
    publish('a')
    await settled()
    publish('b')
    subscriber.close({ final: true })
    for (let i = 0; i < 10; i++) publish('c')
    await settled()
    writer.drain()
    await settled()
    t.strictSame(writer.events.map(({ type }) => type), ['message', 'sse.gap', 'sse.close'])
    t.equal(await subscriber.closed, 'ended')
  }
})

t.test('a closed subscriber retains no reference to its writer', async (t) => {
  const { subscribe, hub } = createFanOut()
  const connect = (): [Subscriber, WeakRef<object>] => {
    const { subscriber, writer } = subscribe()
    writer.onClosed()
    return [subscriber, new WeakRef(writer)]
  }
  const [subscriber, writer] = connect()
  await new Promise((resolve) => setTimeout(resolve, 0))
  collectGarbage()
  t.equal(writer.deref(), undefined)
  t.equal(await subscriber.closed, 'reader')
  t.equal(hub.size, 0)
})
