import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import ssePlugin, { defineEvents } from '../../plugin.ts'
import { openStream } from '../../testing/index.ts'

const events = defineEvents({
  message: Type.String(),
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number() })
})

async function createApp (t: Test, options: object = {}) {
  const logged: Array<{ level: number, msg: string, err?: { code: string } }> = []
  const app = Fastify({ logger: { level: 'error', stream: { write: (line: string) => logged.push(JSON.parse(line)) } } })
  t.teardown(() => app.close())
  await app.register(ssePlugin, { events, ...options })
  return { app, sse: app.sse.of(events), logged }
}

t.test('a broadcast reaches every subscriber with the event ID that it resolves with', async (t) => {
  const { app, sse } = await createApp(t)
  const streams = await Promise.all([1, 2, 3].map(() => openStream(app, '/events', { events })))
  const { id } = await sse.broadcast('order.updated', { id: 'o-1', total: 9.5 })
  for (const stream of streams) {
    t.strictSame(await stream.next('order.updated'), { event: 'order.updated', data: { id: 'o-1', total: 9.5 }, id })
  }
  t.equal(sse.lastEventId, id)
})

t.test('a broadcast without subscribers resolves, and a reader that resumes from before it receives the event', async (t) => {
  const { app, sse } = await createApp(t)
  const before = sse.lastEventId!
  await sse.broadcast('message', 'to whom it may concern')
  const stream = await openStream(app, `/events?lastEventId=${before}`, { events })
  t.equal((await stream.next()).data, 'to whom it may concern')
})

t.test('a payload that changes after the broadcast call is sent as it was at the call', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  const order = { id: 'o-1', total: 1 }
  const broadcast = sse.broadcast('order.updated', order)
  order.total = 2
  await broadcast
  t.strictSame((await stream.next('order.updated')).data, { id: 'o-1', total: 1 })
})

t.test('events are sent in the order of the broadcast calls, even if the calls are not awaited', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  const texts = Array.from({ length: 100 }, (_, i) => String(i))
  const ids = await Promise.all(texts.map((text) => sse.broadcast('message', text)))
  for (const [i, text] of texts.entries()) t.strictSame(await stream.next(), { event: 'message', data: text, id: ids[i]!.id })
})

t.test('every failed broadcast rejects with its code, logs one line at level error, and adds one to failedBroadcasts', async (t) => {
  const { sse, logged } = await createApp(t, { maxPayloadBytes: 10 })
  const untyped = sse as unknown as { broadcast (...args: unknown[]): Promise<unknown> }
  const failures: Array<[code: string, ...args: unknown[]]> = [
    ['FST_SSE_EVENT_UNKNOWN', 'nope', 1],
    ['FST_SSE_EVENT_UNKNOWN', '__proto__', 1],
    ['FST_SSE_PAYLOAD_INVALID', 'order.updated', { id: 1 }],
    ['FST_SSE_PAYLOAD_TOO_LARGE', 'message', 'x'.repeat(11)],
    ['FST_SSE_PAYLOAD_TOO_LARGE', 'message', 'é'.repeat(6)],
    ['FST_SSE_OPTION_UNKNOWN', 'message', 'x', { channel: 'a' }],
    ['FST_SSE_OPTION_INVALID', 'message', 'x', null],
    ['FST_SSE_OPTION_INVALID', 'message', 'x', { channels: 7 }],
    ['FST_SSE_CHANNEL_INVALID', 'message', 'x', { channels: ['a', ''] }],
    ['FST_SSE_CHANNEL_INVALID', 'message', 'x', { channels: 'a\nb' }],
    ['FST_SSE_CHANNEL_INVALID', 'message', 'x', { channels: 'x'.repeat(257) }],
    ['FST_SSE_CHANNEL_INVALID', 'message', 'x', { channels: [Symbol('a')] }],
    ['FST_SSE_OPTION_INVALID', 'message', 'x', { ephemeral: 1 }],
    ['FST_SSE_OPTION_INVALID', 'message', 'x', { ephemeral: true, id: 'a' }],
    ...['', ' a', 'a ', 'é', 'a\nb', 'x'.repeat(257), 7, 'sse.final', 'sse.x', sse.lastEventId].map((id) =>
      ['FST_SSE_OPTION_INVALID', 'message', 'x', { id }] as [string, ...unknown[]])
  ]
  for (const [code, ...args] of failures) {
    await t.rejects(untyped.broadcast(...args), { code })
    t.match(logged, [{ level: 50, err: { code } }])
    t.equal(logged.splice(0).length, 1)
  }
  t.match(sse.stats(), { failedBroadcasts: failures.length, events: 0 })
})

t.test('the log line of a failed broadcast names path and rule and contains no payload value', async (t) => {
  const { sse, logged } = await createApp(t)
  const error = await sse.broadcast('order.updated', { id: 'o-1', total: 'hunter2' } as never).catch((error) => error)
  t.strictSame(error.failures, [{ path: '/total', rule: 'Expected number', value: 'hunter2' }])
  t.match(JSON.stringify(logged), '/total Expected number')
  t.notMatch(JSON.stringify(logged), 'hunter2')
})

t.test('a failed broadcast sends nothing', async (t) => {
  const { app, sse } = await createApp(t)
  const stream = await openStream(app, '/events', { events })
  await t.rejects(sse.broadcast('order.updated', { id: 'x' } as never))
  await sse.broadcast('message', 'next')
  t.equal((await stream.next()).data, 'next')
})

t.test('a broadcast that does not fit into history.maxBytes rejects', async (t) => {
  const { sse } = await createApp(t, { history: { maxBytes: 1000 } })
  await t.rejects(sse.broadcast('message', 'x'.repeat(1000)), { code: 'FST_SSE_PAYLOAD_TOO_LARGE', message: /"history\.maxBytes"/ })
  await sse.broadcast('message', 'x'.repeat(900))
})

t.test('with `history: false` a broadcast resolves with the ID null and reaches its subscribers', async (t) => {
  const { app, sse } = await createApp(t, { history: false })
  const stream = await openStream(app, '/events', { events, headers: { 'last-event-id': 'aaaaaaaaaa.1' } })
  t.equal((await stream.next('sse.open')).id, '')
  t.strictSame(await sse.broadcast('message', 'hi'), { id: null })
  await t.rejects(sse.broadcast('message', 'hi', { id: 'mine' }), { code: 'FST_SSE_OPTION_INVALID', message: /"broadcast\.id".*history/ })
  t.strictSame(await stream.next(), { event: 'message', data: 'hi', id: '' })
  t.equal(sse.lastEventId, null)
})

t.test('`of` returns app.sse for the registered events and throws for all others', async (t) => {
  const { app } = await createApp(t)
  t.equal(app.sse.of(events), app.sse as unknown)
  t.throws(() => app.sse.of(defineEvents({ nope: Type.String() })), { code: 'FST_SSE_EVENTS_UNREGISTERED', message: /"nope"/ })
  t.throws(() => app.sse.of(defineEvents({ message: Type.String() })), { code: 'FST_SSE_EVENTS_UNREGISTERED' })
})

t.test('the option `events` takes several declarations, and events of each can be broadcast', async (t) => {
  const chat = defineEvents({ said: Type.String() })
  const { app } = await createApp(t, { events: [events, chat] })
  await app.sse.of(chat).broadcast('said', 'hi')
  await app.sse.of(events).broadcast('message', 'hi')
})

t.test('an application without declared events broadcasts any valid event type, and a string payload as text', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(ssePlugin)
  const stream = await openStream(app, '/events')
  await app.sse.broadcast('anything', { at: new Date(0) })
  await app.sse.broadcast('message', 'two\nlines')
  t.strictSame((await stream.next()).data, { at: '1970-01-01T00:00:00.000Z' })
  t.equal((await stream.next()).data, 'two\nlines')
  for (const name of ['open', 'error', 'sse.open', 'a\nb', '']) await t.rejects(app.sse.broadcast(name, 1), { code: 'FST_SSE_EVENT_INVALID' })
})

t.test('`setReconnectionTime` reaches open and later streams, and throws for an invalid time', async (t) => {
  const { app, sse } = await createApp(t, { reconnectionTime: 10 })
  const open = async () => {
    const stream = await openStream(app, '/events', { events })
    await stream.next('sse.open')
    return stream
  }
  const first = await open()
  t.equal(first.reconnectionTime, 10)
  sse.setReconnectionTime(20)
  await sse.broadcast('message', 'after')
  await first.next()
  t.equal(first.reconnectionTime, 20, 'the time arrives before a later broadcast')
  t.equal((await open()).reconnectionTime, 20)
  for (const wrong of [-1, 1.5, Infinity, '1s', { min: 2, max: 1 }]) {
    t.throws(() => sse.setReconnectionTime(wrong as number), { code: 'FST_SSE_OPTION_INVALID' })
  }
  t.equal((await open()).reconnectionTime, 20)
})

t.test('a stream that resumes from the lastEventId of a snapshot begins with the first event after the snapshot', async (t) => {
  const { app, sse } = await createApp(t)
  await sse.broadcast('message', 'in the snapshot')
  const { lastEventId } = sse
  await sse.broadcast('message', 'in between')
  const stream = await openStream(app, `/events?lastEventId=${lastEventId}`, { events })
  await sse.broadcast('message', 'live')
  t.equal((await stream.next()).data, 'in between')
  t.equal((await stream.next()).data, 'live')
})

t.test('`stats` counts subscribers, events, gaps, replays and closes, and `count` the subscribers of a channel', async (t) => {
  const { app, sse } = await createApp(t)
  const first = await openStream(app, '/events', { events })
  await sse.broadcast('message', 'a')
  await first.next()
  const second = await openStream(app, `/events?lastEventId=${first.lastEventId}`, { events })
  const third = await openStream(app, '/events?lastEventId=other', { events })
  await sse.broadcast('message', 'b')
  await Promise.all([first, second, third].map((stream) => stream.next()))
  t.match(sse.stats(), { subscribers: 3, events: 2, gaps: { unknown: 1, evicted: 0, slow: 0 }, replays: 1, channels: 1, views: 1, failedBroadcasts: 0, lag: 0 })
  await first.close()
  t.match(sse.stats(), { subscribers: 2, closes: { reader: 1 } })
  t.equal(sse.count(), 2)
  t.equal(sse.count('*'), 2)
  t.equal(sse.count('a channel that nobody hears'), 0)
})

t.test('an invalid `disconnect` call that is not awaited is logged and causes no unhandled rejection', async (t) => {
  const { sse, logged } = await createApp(t)
  const unhandled: unknown[] = []
  const listener = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', listener)
  t.teardown(() => process.off('unhandledRejection', listener))
  sse.disconnect(undefined as never)
  sse.channel('a').disconnect(() => true, { finl: true } as never)
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(logged.map(({ err }) => err?.code), ['FST_SSE_OPTION_INVALID', 'FST_SSE_OPTION_UNKNOWN'])
  t.strictSame(unhandled, [])
})

t.test('undefined or invalid channels, IDs, predicates, replies, events and channel names are refused with a code', async (t) => {
  const { sse } = await createApp(t)
  await t.rejects(sse.broadcast('message', 'x', { channels: undefined } as never), { code: 'FST_SSE_OPTION_INVALID', message: /"broadcast\.channels"/ })
  for (const id of ['head', 'oldest']) await t.rejects(sse.broadcast('message', 'x', { id }), { code: 'FST_SSE_OPTION_INVALID' })
  for (const wrong of [undefined, 'id', { final: true }]) {
    await t.rejects(sse.disconnect(wrong as never), { code: 'FST_SSE_OPTION_INVALID', message: /"disconnect\.predicate" must be a function/ })
  }
  for (const wrong of ['id', null, 1, []]) await t.rejects(sse.channel('a').disconnect(wrong as never), { code: 'FST_SSE_OPTION_INVALID', message: /"disconnect" must be/ })
  await t.rejects(sse.channel('a').disconnect({ finl: true } as never), { code: 'FST_SSE_OPTION_UNKNOWN' })
  await t.rejects(sse.disconnect(() => true, { finl: true } as never), { code: 'FST_SSE_OPTION_UNKNOWN', message: /^A key of the option "disconnect" is unknown; valid keys: final$/ })
  for (const wrong of [undefined, null, {}]) {
    await t.rejects(sse.subscribe(wrong as never), { code: 'FST_SSE_OPTION_INVALID', message: /"subscribe\.reply" must be a Fastify reply/ })
  }
  t.throws(() => sse.of(undefined as never), { code: 'FST_SSE_OPTION_INVALID' })
  t.throws(() => sse.channel(''), { code: 'FST_SSE_CHANNEL_INVALID', message: /^A channel must be text of 1 to 256 characters.*; it is empty text$/ })
})

for (const [title, route] of Object.entries({
  'a synchronous handler': (subscribe: () => Promise<unknown>) => () => { void subscribe() },
  'an async handler': (subscribe: () => Promise<unknown>) => async () => { void subscribe() }
})) {
  t.test(`a \`subscribe\` that fails and that ${title} does not await is logged and causes no unhandled rejection`, async (t) => {
    const { app, logged } = await createApp(t)
    const unhandled: unknown[] = []
    const listener = (error: unknown): void => { unhandled.push(error) }
    process.on('unhandledRejection', listener)
    t.teardown(() => process.off('unhandledRejection', listener))
    app.get('/rooms/:room', (request, reply) => route(() => app.sse.subscribe(reply, { channels: [(request.params as { room: string }).room] }))())
    const abort = new AbortController()
    app.inject({ url: '/rooms/%00', signal: abort.signal }).catch(() => {})
    while (logged.length === 0) await new Promise(setImmediate)
    t.match(logged[0], { level: 50, err: { code: /FST_SSE_(CHANNEL_INVALID|REPLY_SENT)/ } })
    abort.abort()
    t.strictSame(unhandled, [])
    t.equal(app.sse.count(), 0)
  })
}
