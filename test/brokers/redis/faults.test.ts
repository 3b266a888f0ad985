import { Redis } from 'ioredis'
import t from 'tap'
import { redisBroker } from '../../../brokers/redis/index.ts'
import { pause, untilSeen } from '../../faults/program.ts'
import { noRedis, RedisServer } from '../../support/redis.ts'
import { notInstalled } from '../../support/system.ts'
import { HoppingReader } from '../hopping-reader.ts'
import { startNode, startOrder, type AfterTest, type StartedNode } from '../nodes.ts'
import { createRecord } from '../../../testing/contract/contract-node.ts'

const skip = noRedis() && notInstalled('redis-server')

/** Two nodes on a server of their own. */
async function start (t: AfterTest, options: readonly string[] = []): Promise<{ server: RedisServer, one: StartedNode, two: StartedNode }> {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) }, options)
  const connection = server.url
  return { server, one: await startNode(t, redisBroker({ connection })), two: await startNode(t, redisBroker({ connection })) }
}

const KEY = '{sse}:order:events'

t.test('a flushed Redis: every open stream is told once and goes on, busy or idle', { skip }, async (t) => {
  const { server, one, two } = await start(t)
  await one.broadcast('a')
  await two.broadcast('b')
  for (const flush of ['flushall', 'del']) {
    await server.with<unknown>((client) => flush === 'del' ? client.del(KEY) : client.flushall())
    await Promise.all([one.broadcast(`${flush} one`), two.broadcast(`${flush} two`)])
    // An idle node finds out by itself.
    await server.with((client) => client.flushall())
    await one.reader.until(() => one.reader.gaps.length % 2 === 0)
    await two.reader.until(() => two.reader.gaps.length % 2 === 0)
  }
  await one.broadcast('z')
  const got = await one.reader.upTo('z')
  t.strictSame(await two.reader.upTo('z'), got)
  t.strictSame(got.map((text) => text.replace(/ (one|two)$/, '')), ['a', 'b', 'gap: foreign', 'flushall', 'flushall', 'gap: foreign', 'gap: foreign', 'del', 'del', 'gap: foreign', 'z'])
  t.equal(one.app.sse.count(), 1)
})

t.test('a failover to a replica that lacks the last entries: told once, and what is there afterwards is one order', { skip }, async (t) => {
  const { server, one, two } = await start(t)
  for (let i = 0; i < 300; i++) await one.broadcast(`${i}`)
  await two.reader.upTo('299')
  // What a replica has that lacks the last 100 entries.
  const dump = await server.with(async (client) => {
    const kept = await client.xrange(KEY, '-', '+', 'COUNT', 201)
    const copy = 'copy'
    for (const [id, fields] of kept) await client.xadd(copy, id, ...fields)
    return client.dumpBuffer(copy)
  })
  await server.kill()
  await server.start((client) => client.restore(KEY, 0, dump))
  await Promise.all([one.broadcast('x'), two.broadcast('y')])
  for (const { reader } of [one, two]) {
    const got = await reader.until(() => ['x', 'y'].every((payload) => reader.payloads.includes(payload))).then(() => reader.got)
    t.strictSame(got.slice(0, 300), Array.from({ length: 300 }, (_, i) => `${i}`))
    t.strictSame([got[300], ...got.slice(301).sort()], ['gap: foreign', 'x', 'y'])
  }
  t.strictSame(one.reader.got, two.reader.got)
})

t.test('a follower that is cut off until its place is trimmed is told once, and goes on', { skip }, async (t) => {
  const { server, one, two } = await start(t)
  await one.broadcast('a')
  await two.reader.upTo('a')
  // The place of both is gone while neither has a connection.
  await server.with(async (client) => {
    const [[id, fields]] = await client.xrevrange(KEY, '+', '-', 'COUNT', 1) as [[string, string[]]]
    const [epoch] = id.split('-')
    const transaction = client.multi()
    for (let i = 0; i < 10; i++) {
      const other = fields.map((value, at) => fields[at - 1] === 't' ? `other.${i + 1}` : fields[at - 1] === 'b' ? `data: other ${i}\n\n` : value)
      transaction.xadd(KEY, `${epoch}-*`, ...other)
    }
    transaction.xtrim(KEY, 'MAXLEN', 3)
    await transaction.exec()
  })
  await two.broadcast('z')
  t.strictSame(await one.reader.upTo('z'), ['a', 'gap: evicted', 'other 7', 'other 8', 'other 9', 'z'])
  t.strictSame(await two.reader.upTo('z'), one.reader.got)
})

t.test('a Redis that stands still for 10 s: what is published meanwhile is placed once, in order', { skip }, async (t) => {
  const { server, one, two } = await start(t)
  await one.broadcast('before')
  server.stop()
  const placed = Promise.all(Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? one : two).broadcast(`${i}`)))
  // The duration is part of the claim.
  await pause(10_000)
  server.go()
  await placed
  await one.broadcast('after')
  const got = await one.reader.upTo('after')
  t.strictSame(await two.reader.upTo('after'), got)
  t.strictSame(got.filter((text) => Number(text) % 2 === 0), Array.from({ length: 100 }, (_, i) => `${2 * i}`))
  t.strictSame(got.filter((text) => Number(text) % 2 === 1), Array.from({ length: 100 }, (_, i) => `${2 * i + 1}`))
  t.equal(got.length, 202)
  t.ok(one.complaints.length > 0 && one.complaints.every((line) => line.includes('the redis broker has no connection')), 'the log says so')
})

t.test('connections that are killed again and again: nothing is lost, and nothing comes twice', { skip }, async (t) => {
  const { server, one, two } = await start(t)
  const placed: Array<Promise<unknown>> = []
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 30; i++) placed.push((i % 2 === 0 ? one : two).broadcast(`${round}.${i}`))
    await server.with((client) => client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))
    await untilSeen(async () => [one, two].map(({ app }) => app.sse.stats().broker), (states) => states.every(({ up, reconnects }) => up && reconnects > round))
  }
  await Promise.all(placed)
  await one.broadcast('z')
  const got = await one.reader.upTo('z')
  t.strictSame(await two.reader.upTo('z'), got)
  t.equal(new Set(got).size, 301)
  t.equal(got.length, 301)
  t.ok(one.app.sse.stats().broker.reconnects >= 10)
})

t.test('a full Redis: readers stay, events wait, and are placed when there is room', { skip }, async (t) => {
  const { server, one, two } = await start(t, ['--maxmemory-policy', 'noeviction'])
  await one.broadcast('a')
  await server.with((client) => client.config('SET', 'maxmemory', '1'))
  const waiting = [one.broadcast('b'), one.broadcast('c'), two.broadcast('d')]
  await untilSeen(async () => one.app.sse.stats().broker.up, (up) => !up)
  await server.with((client) => client.config('SET', 'maxmemory', '0'))
  await Promise.all(waiting)
  await one.broadcast('z')
  const got = await one.reader.upTo('z')
  t.strictSame(await two.reader.upTo('z'), got)
  t.strictSame([...got].sort(), ['a', 'b', 'c', 'd', 'z'])
  t.ok(got.indexOf('b') < got.indexOf('c'))
  t.match(one.complaints, [/OOM/])
})

t.test('records that are not of this plugin are skipped, counted and logged once', { skip }, async (t) => {
  const { server, one } = await start(t)
  await one.broadcast('a')
  await server.with(async (client) => {
    const [[id, fields]] = await client.xrevrange(KEY, '+', '-', 'COUNT', 1) as [[string, string[]]]
    const next = `${id.split('-')[0]}-*`
    await client.xadd(KEY, next, 'some', 'thing')
    await client.xadd(KEY, next, ...fields.map((value, at) => fields[at - 1] === 't' ? 'no token' : value))
    await client.xadd(KEY, next, ...fields.map((value, at) => fields[at - 1] === 'c' ? '[1' : value))
    await client.xadd(KEY, next, ...fields.slice(0, -2))
    await client.xadd(KEY, '*', 'some', 'thing')
  })
  await one.broadcast('y')
  t.strictSame(await one.reader.upTo('y'), ['a', 'y'])
  // Of an epoch that no node has begun: whoever gives it has replaced the history.
  await server.with(async (client) => {
    const [[id]] = await client.xrevrange(KEY, '+', '-', 'COUNT', 1) as [[string, string[]]]
    await client.xadd(KEY, `${Number(id.split('-')[0]) + 1}-1`, 'some', 'thing')
  })
  await one.broadcast('z')
  t.strictSame(await one.reader.upTo('z'), ['a', 'y', 'gap: foreign', 'z'])
  t.equal(one.app.sse.stats().broker.skipped, 6)
  t.equal(one.complaints.filter((line) => line.includes('was skipped')).length, 1)
})

t.test('a key of another kind in the place of the order: events wait until it is gone', { skip }, async (t) => {
  const { server, one } = await start(t)
  await one.broadcast('a')
  await server.with((client) => client.set(KEY, 'x'))
  const waiting = one.broadcast('b')
  await untilSeen(async () => one.app.sse.stats().broker.up, (up) => !up)
  await server.with((client) => client.del(KEY))
  await waiting
  t.strictSame(await one.reader.upTo('b'), ['a', 'gap: foreign', 'b'])
  t.ok(one.complaints.some((line) => line.includes('WRONGTYPE')))
})

t.test('an application starts without Redis if it does not wait for it, and goes on when it is there', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) }, ['--appendonly', 'yes', '--appendfsync', 'always'])
  const early = await startNode(t, redisBroker({ connection: server.url }))
  const id = await early.broadcast('kept')
  await server.kill()
  await t.rejects(startNode(t, redisBroker({ connection: server.url }), { waitForBroker: 200 }), { code: 'FST_SSE_BROKER_UNAVAILABLE', message: /"waitForBroker"/ })
  const late = await startNode(t, redisBroker({ connection: server.url }), { waitForBroker: false })
  t.match(late.app.sse.stats().broker, { up: false })
  const waiting = late.broadcast('x')
  await server.start()
  await waiting
  t.strictSame(await late.reader.upTo('x'), ['gap: foreign', 'kept', 'x'], 'nobody knows what was published while the stream was open')
  const returning = new HoppingReader(() => [late.port])
  t.teardown(() => returning.close())
  returning.lastEventId = id!
  await returning.connect()
  t.strictSame(await returning.upTo('x'), ['x'])
})

t.test('what Redis does not answer in time is rejected as unknown, and comes at most once', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const { broadcast, reader, app } = await startNode(t, redisBroker({ connection: server.url, publishTimeout: 500 }))
  await broadcast('a')
  server.stop()
  await t.rejects(broadcast('b'), { code: 'FST_SSE_BROKER_UNAVAILABLE', statusCode: 503, stored: undefined, message: /unknown whether the event was stored/ })
  t.equal(app.sse.stats().failedBroadcasts, 1)
  server.go()
  await untilSeen(async () => broadcast('z').then(() => true, () => false), (isPlaced) => isPlaced)
  const got = await reader.upTo('z')
  t.ok(['a,z', 'a,b,z'].includes(got.filter((payload, at) => payload !== 'z' || got.indexOf('z') === at).join()), got.join())
})

t.test('a client of the application is duplicated, and stays open', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const client = new Redis(server.port, '127.0.0.1', { keyPrefix: 'app:' })
  t.teardown(() => client.disconnect())
  const { app, broadcast, reader } = await startNode(t, redisBroker({ connection: client, prefix: 'shop' }))
  await broadcast('a')
  await reader.upTo('a')
  await app.close()
  t.equal(await client.ping(), 'PONG')
  t.strictSame(await server.with((other) => other.keys('*events*')), ['{shop}:order:events'])
})

t.test('a node that is more ephemeral events behind than Redis keeps is told', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const [one, two] = [await startOrder(t, redisBroker({ connection: server.url })), await startOrder(t, redisBroker({ connection: server.url }))]
  await one.order.publish(createRecord('first', { ephemeral: true }))
  await two.recorder.until(1)
  let goOn = (): void => {}
  two.recorder.onPlace = () => new Promise((resolve) => { goOn = resolve })
  await one.order.publish(createRecord('held', { ephemeral: true }))
  await two.recorder.until(2)
  await Promise.all(Array.from({ length: 15_000 }, (_, i) => one.order.publish(createRecord(String(i), { ephemeral: true }))))
  two.recorder.onPlace = () => undefined
  goOn()
  await two.recorder.upTo('14999')
  t.strictSame(two.recorder.breaks, ['lose'])
  t.strictSame(one.recorder.breaks, [])
  t.ok(two.recorder.calls.some((call) => call.call === 'lose' && call.position === null), 'no kept event was lost')
  const rest = two.recorder.bodies.slice(2)
  t.strictSame(rest, Array.from({ length: rest.length }, (_, i) => String(15_000 - rest.length + i)))
})

t.test('ephemeral events that Redis has lost alone are told, and later ones come', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const { order, recorder } = await startOrder(t, redisBroker({ connection: server.url }))
  for (let i = 0; i < 5; i++) await order.publish(createRecord(String(i), { ephemeral: true }))
  await server.with((client) => client.del('{sse}:ephemeral:events'))
  await server.with((client) => client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'))
  await order.publish(createRecord('kept'))
  await order.publish(createRecord('after', { ephemeral: true }))
  t.strictSame(recorder.bodies, ['0', '1', '2', '3', '4', 'kept', 'after'])
  t.strictSame(recorder.breaks, ['lose'])
})

t.test('an idle node stays connected, whatever time-outs the connection of the application has', { skip }, async (t) => {
  const server = await RedisServer.start({ after: (callback) => t.teardown(callback) })
  const connection = { host: '127.0.0.1', port: server.port, commandTimeout: 50, maxRetriesPerRequest: 1 }
  const { app, complaints } = await startNode(t, redisBroker({ connection }))
  // Longer than a blocked read.
  await pause(1500)
  t.match(app.sse.stats().broker, { up: true, reconnects: 0 })
  t.strictSame(complaints, [])
})
