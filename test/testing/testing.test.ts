import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import ssePlugin, { defineEvents } from '../../plugin.ts'
import { openStream } from '../../testing/index.ts'

const events = defineEvents({ message: Type.String(), tick: Type.Number() })

async function createApp (t: Test) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ssePlugin, { events, reconnectionTime: 1234 })
  return { app, sse: app.sse.of(events) }
}

t.test('`next` skips other events, and events of the plugin unless they are requested', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  sse.broadcast('tick', 1)
  sse.broadcast('message', '2')
  sse.broadcast('tick', 3)
  t.match(await stream.next('sse.open'), { event: 'sse.open', data: { heartbeatInterval: 15_000 } })
  t.equal((await stream.next('message')).data, '2')
  t.equal((await stream.next()).data, 3)
  t.equal(stream.reconnectionTime, 1234)
  t.match(stream.headers, { 'content-type': 'text/event-stream; charset=utf-8' })
})

t.test('a plain stream is read like any other, and its end is seen', async (t) => {
  const { app, sse } = await createApp(t)
  app.post('/answers', async (_request, reply) => {
    const subscriber = await sse.subscribe(reply, { channels: [], plain: { end: '[DONE]' } })
    await subscriber.stream('tick', async function * () { yield 1; yield 2 })
  })
  const stream = await openStream(app, '/answers', { method: 'POST', headers: { accept: 'application/json' } })
  const data: unknown[] = []
  for await (const event of stream) data.push(event.data)
  t.strictSame(data, [1, 2, '[DONE]'])
  t.strictSame([stream.reconnectionTime, stream.ended], [1234, true])
})

t.test('text that looks like JSON stays text if it is declared as text', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events')
  await sse.broadcast('message', '123')
  t.equal((await stream.next()).data, '123')
})

t.test('`next` waits for an event that has not arrived yet', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  const next = stream.next('tick')
  await sse.broadcast('tick', 7)
  t.equal((await next).data, 7)
})

t.test('`next` rejects after its timeout with the types of the events that arrived', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events, timeout: 50 })
  await sse.broadcast('message', 'x')
  await t.rejects(stream.next('tick'), { message: 'No tick within 50 ms; received sse.open, message' })
})

t.test('`next` rejects if the stream has ended', async (t) => {
  const { app } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  await app.close()
  await t.rejects(stream.next('tick'), { message: /^The stream ended before the next tick/ })
  t.equal(stream.ended, true)
})

t.test('every waiting `next` rejects when the stream ends', async (t) => {
  const { app } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  const waiting = [stream.next('tick'), stream.next('message'), stream.next('tick')]
  await app.close()
  for (const { reason } of await Promise.allSettled(waiting) as PromiseRejectedResult[]) t.match(reason, { message: /^The stream ended/ })
})

t.test('iteration yields every event until the stream ends', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  for (let i = 0; i < 3; i++) sse.broadcast('tick', i)
  const seen: unknown[] = []
  for await (const { data } of stream) {
    seen.push(data)
    if (seen.length === 3) app.close()
  }
  t.strictSame(seen, [0, 1, 2])
})

t.test('leaving the loop closes the stream on both sides', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  await sse.broadcast('tick', 1)
  for await (const { data } of stream) {
    if (data === 1) break
  }
  t.equal(stream.ended, true)
  t.equal(app.sse.count(), 0)
})

t.test('`close` ends a loop that waits elsewhere', async (t) => {
  const { app } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  const loop = (async () => { for await (const { event } of stream) t.fail(event) })()
  await stream.close()
  await loop
  t.equal(stream.ended, true)
})

t.test('the option `events` decodes the events of a hub in a child scope', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const child = defineEvents({ message: Type.Object({ n: Type.Number() }), text: Type.String() })
  await app.register(ssePlugin, { events })
  await app.register(async (scope) => {
    await scope.register(ssePlugin, { events: child })
    scope.get('/say', async () => {
      await scope.sse.of(child).broadcast('message', { n: 1 })
      await scope.sse.of(child).broadcast('text', '2')
    })
  }, { prefix: '/child' })
  const stream = await openStream(app, '/child/events', { events: child })
  await app.inject('/child/say')
  t.strictSame((await stream.next('message')).data, { n: 1 })
  t.equal((await stream.next('text')).data, '2')
})

t.test('lastEventId is the ID of the last event taken', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  const [first] = await Promise.all([1, 2, 3].map((n) => sse.broadcast('tick', n)))
  t.equal((await stream.next('tick')).data, 1)
  t.equal(stream.lastEventId, first!.id)
})

t.test('`close` leaves no subscriber, and may be called again', async (t) => {
  const { app } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  t.equal(app.sse.count(), 1)
  await stream.close()
  await stream.close()
  t.equal(app.sse.count(), 0)
})

t.test('a response that is not an event stream rejects with its status and body', async (t) => {
  const { app } = await createApp(t)
  await t.rejects(openStream(app, '/nowhere'), { message: /GET \/nowhere answered 404 .*Not Found/ })
  await t.rejects(openStream(app, '/events', { headers: { accept: 'text/html' } }), { message: /406/ })
})

t.test('`openStream` opens a stream on a POST route of the application', async (t) => {
  const { app, sse } = await createApp(t)
  app.post('/jobs', async (request, reply) => { await sse.subscribe(reply, { context: { job: request.body } }) })
  const stream = await openStream(app, '/jobs', { method: 'POST', payload: { run: 1 }, events })
  await sse.broadcast('tick', 1)
  t.equal((await stream.next('tick')).data, 1)
})

t.test('`close` logs no error, and the server closes the stream with the reason "reader"', async (t) => {
  const logged: string[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { logged.push(line) } } } })
  t.after(() => app.close())
  await app.register(ssePlugin)
  const stream = await openStream(app, '/events')
  const [subscriber] = app.sse.subscribers()
  await stream.close()
  t.equal(await subscriber!.closed, 'reader')
  t.strictSame(logged, [])
})
