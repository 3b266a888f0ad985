import t from 'tap'
import { EventStream } from '../../../client/stream/event-stream.ts'
import { readOptions, type ConnectOptions } from '../../../client/stream/options.ts'
import { UnreadableEvent } from '../../../client/stream/unreadable-event.ts'
import type { Status } from '../../../client/connection/status.ts'
import { FakeSource } from '../fake-source.ts'

const URL = 'http://localhost/events'
const OPEN: Status = { state: 'open' }
const WAITING: Status = { state: 'waiting', reason: 'lost', retryAt: 7 }
const CLOSED: Status = { state: 'closed', reason: 'closed' }

interface Opened {
  readonly stream: EventStream
  readonly source: FakeSource
  readonly errors: unknown[]
}

function open (options: ConnectOptions = {}): Opened {
  const errors: unknown[] = []
  let source!: FakeSource
  const stream = new EventStream(readOptions(URL, { onError: (error) => errors.push(error), ...options }), (listener) => {
    source = new FakeSource(listener)
    return source
  })
  return { stream, source, errors }
}

t.test('a listener receives the parsed JSON payload, the event type and the ID', async (t) => {
  const { stream, source } = open()
  const told: unknown[] = []
  stream.on('order', (payload, info) => told.push(payload, info))
  source.event('order', '{"total":[1,null,"é"]}', '1')
  source.event('order', 'null', '')
  t.strictSame(told, [{ total: [1, null, 'é'] }, { event: 'order', id: '1' }, null, { event: 'order', id: '' }])
})

t.test('an event named in the option `text` is delivered unparsed', async (t) => {
  const { stream, source } = open({ text: ['message'] })
  const told: unknown[] = []
  stream.on('message', (payload) => told.push(payload))
  for (const data of ['{"a":1}', '', 'a\nb']) source.event('message', data)
  t.strictSame(told, ['{"a":1}', '', 'a\nb'])
})

t.test('events that sse.open names as text are delivered unparsed, beside those in the option `text`', async (t) => {
  const { stream, source, errors } = open({ text: ['note'] })
  const told: unknown[] = []
  for (const event of ['message', 'note', 'order']) stream.on(event, (payload) => told.push([event, payload]))
  source.event('sse.open', '{"text":["message"]}')
  for (const event of ['message', 'note', 'order']) source.event(event, '7')
  t.strictSame(told, [['message', '7'], ['note', '7'], ['order', 7]])
  source.event('order', 'seven')
  t.match(errors, [{ event: 'order', data: 'seven' }])
  source.event('sse.open', '{"text":["order"]}')
  for (const event of ['message', 'note', 'order']) source.event(event, '8')
  t.strictSame(told.slice(3), [['message', 8], ['note', '8'], ['order', '8']], 'the list of a later sse.open replaces the earlier list')
})

t.test('events that an opening passed on by another tab names as text are delivered unparsed', async (t) => {
  const { stream, source } = open()
  const told: unknown[] = []
  stream.on('message', (payload) => told.push(payload))
  source.begin('{"text":["message"]}')
  source.event('message', '7')
  t.strictSame(told, ['7'])
})

t.test('an event of a server without declared events is parsed if its data is JSON, and is text otherwise', async (t) => {
  const { stream, source, errors } = open({ text: ['note'], validate: (_event, payload) => payload !== 'no' })
  const told: unknown[] = []
  for (const event of ['message', 'note']) stream.on(event, (payload) => told.push(payload))
  source.event('sse.open', '{"heartbeatInterval":15000,"heartbeatEvent":true}')
  for (const data of ['seven', '{"a":1}', '7', '', '"x"', 'no']) source.event('message', data)
  source.event('note', '7')
  t.strictSame(told, ['seven', { a: 1 }, 7, '', 'x', '7'])
  t.match(errors, [{ event: 'message', data: 'no' }])
})

t.test('an event with invalid JSON is reported with event type, ID, data and cause, and the stream goes on', async (t) => {
  const { stream, source, errors } = open()
  const told: unknown[] = []
  stream.on('order', (payload) => told.push(payload))
  source.event('order', '{"a":', '1')
  source.event('order', '2', '2')
  t.strictSame(told, [2])
  t.equal(errors.length, 1)
  t.ok(errors[0] instanceof UnreadableEvent)
  t.match(errors[0], { name: 'UnreadableEvent', message: /"order"/, event: 'order', id: '1', data: '{"a":', cause: SyntaxError })
  t.equal(stream.lastEventId, '2')
})

t.test('an event without listeners is neither parsed nor validated', async (t) => {
  const { stream, source, errors } = open({ validate () { throw new Error('asked') } })
  stream.on('order', () => {})()
  source.event('order', 'no JSON')
  source.event('other', '1')
  t.strictSame(errors, [])
})

t.test('an event that `validate` refuses is reported and not dispatched', async (t) => {
  const problem = new Error('too many')
  const asked: unknown[] = []
  const { stream, source, errors } = open({
    text: ['message'],
    validate (event, payload) {
      asked.push([event, payload])
      if (payload === 2) throw problem
      return payload === 3 || payload === 'yes'
    }
  })
  const told: unknown[] = []
  for (const event of ['order', 'message']) stream.on(event, (payload) => told.push(payload))
  for (const data of ['1', '2', '3']) source.event('order', data)
  for (const data of ['no', 'yes']) source.event('message', data)
  t.strictSame(told, [3, 'yes'])
  t.strictSame(asked, [['order', 1], ['order', 2], ['order', 3], ['message', 'no'], ['message', 'yes']])
  t.match(errors, [{ event: 'order', data: '1' }, { event: 'order', data: '2', cause: problem }, { event: 'message', data: 'no' }])
  t.ok(errors.every((error) => error instanceof UnreadableEvent))
})

t.test('`validate` is not called for events of the plugin', async (t) => {
  const { stream, source, errors } = open({ validate: () => false })
  const told: unknown[] = []
  stream.on('sse.gap', (gap) => told.push(gap.reason))
  source.event('sse.gap', '{"reason":"evicted"}')
  t.strictSame([told, errors], [['evicted'], []])
})

t.test('a payload is validated once for all its listeners', async (t) => {
  let validated = 0
  const { stream, source } = open({ validate: () => { validated++; return true } })
  for (let listener = 0; listener < 3; listener++) stream.on('order', () => {})
  source.event('order', '1')
  t.equal(validated, 1)
})

t.test('an error thrown by a listener is reported, and the other listeners are called', async (t) => {
  const { stream, source, errors } = open({ observe () { throw new Error('observer') } })
  const told: unknown[] = []
  stream.on('order', () => { throw new Error('order') })
  stream.on('order', (payload) => told.push(payload))
  stream.onStatus(() => { throw new Error('status') })
  stream.onStatus(({ state }) => told.push(state))
  source.event('order', '1')
  source.turn(OPEN)
  t.strictSame(told, [1, 'open'])
  t.strictSame(errors.map((error) => (error as Error).message), ['observer', 'order', 'status'])
})

t.test('an error of the source is reported', async (t) => {
  const { source, errors } = open()
  source.fail('why')
  t.strictSame(errors, ['why'])
})

t.test('an onError that throws stops no other listener', async (t) => {
  const { stream, source } = open({ onError (error) { throw error } })
  const told: unknown[] = []
  stream.on('order', () => { throw new Error('order') })
  stream.on('order', (payload) => told.push(payload))
  // An error thrown by onError is reported like an uncaught error.
  const uncaught: unknown[] = []
  const { console } = globalThis
  t.teardown(() => { globalThis.console = console })
  globalThis.console = { ...console, error: (error: unknown) => uncaught.push(error) }
  t.doesNotThrow(() => source.event('order', '1'))
  t.doesNotThrow(() => source.event('order', 'no JSON'))
  t.strictSame(told, [1])
})

t.test('listeners are called once each, in the order of registration, for events of their type only', async (t) => {
  const { stream, source } = open()
  const told: string[] = []
  const listener = (): void => { told.push('again') }
  stream.on('a', () => told.push('first'))
  stream.on('a', listener)
  stream.on('a', listener)
  stream.on('b', () => told.push('other'))
  source.event('a', '1')
  t.strictSame(told, ['first', 'again'])
  t.strictSame([...new Set(source.heard)], ['a', 'b'])
})

t.test('a removed listener is not called again, even if an earlier listener removes it during the event', async (t) => {
  const { stream, source } = open()
  const told: string[] = []
  stream.on('a', () => {
    told.push('first')
    off()
  })
  const off = stream.on('a', () => told.push('second'))
  stream.on('a', () => told.push('third'))
  source.event('a', '1')
  off()
  source.event('a', '2')
  t.strictSame(told, ['first', 'third', 'first', 'third'])
})

t.test('a removed status listener is not called again, even if an earlier listener removes it during the status', async (t) => {
  const { stream, source } = open()
  const told: string[] = []
  stream.onStatus(() => off())
  const off = stream.onStatus(({ state }) => told.push(state))
  source.turn(OPEN)
  t.strictSame(told, [])
})

t.test('no further listener is called after a listener closes the stream', async (t) => {
  const { stream, source, errors } = open({ observe: ({ data }) => { if (data === 'close') stream.close() } })
  const told: unknown[] = []
  stream.on('order', () => stream.close())
  stream.on('order', (payload) => told.push(payload))
  source.event('order', '1')
  t.strictSame([told, stream.status], [[], CLOSED])

  const observed = open({ observe: ({ data }) => { if (data === 'no JSON') observed.stream.close() } })
  observed.stream.on('order', () => told.push('after the end'))
  observed.source.event('order', 'no JSON')
  t.strictSame([told, errors, observed.errors], [[], [], []], 'nothing is reported after `observe` closes the stream')
})

t.test('a status listener does not receive a status that an earlier listener has already changed', async (t) => {
  const { stream, source } = open()
  const told: Status[] = []
  const iterator = stream.statuses()
  stream.onStatus(({ state }) => {
    if (state === 'waiting') source.turn({ state: 'connecting' })
    if (state === 'open') stream.close()
  })
  stream.onStatus((status) => told.push(status))
  source.turn(WAITING)
  source.turn(OPEN)
  const iterated: Status[] = []
  for await (const status of iterator) iterated.push(status)
  t.strictSame(told.map(({ state }) => state), ['connecting', 'closed'])
  // The iterator listened before the listener that changed the status.
  t.strictSame(iterated.map(({ state }) => state), ['connecting', 'waiting', 'connecting', 'open', 'closed'])
})

t.test('`status` has its new value before the listeners are called', async (t) => {
  const { stream, source } = open()
  t.strictSame(stream.status, { state: 'connecting' })
  const told: unknown[] = []
  const off = stream.onStatus((status) => told.push(status, stream.status))
  source.turn(WAITING)
  off()
  source.turn(OPEN)
  t.strictSame(told, [WAITING, WAITING])
  t.strictSame(stream.status, OPEN)
})

t.test('`events` iterates over the events of one type from the call on, until the stream is closed', async (t) => {
  const { stream, source } = open()
  source.event('order', '0')
  const orders = stream.events('order')
  for (const data of ['1', '2', '3']) source.event('order', data)
  source.event('other', '9')
  const taken: unknown[] = []
  for await (const order of orders) {
    taken.push(order)
    if (order === 3) {
      source.event('order', '4')
      stream.close()
      source.event('order', '5')
    }
  }
  t.strictSame(taken, [1, 2, 3, 4])
})

t.test('leaving the loop removes the listener and keeps the stream open', async (t) => {
  let validated = 0
  const { stream, source } = open({ validate: () => { validated++; return true } })
  const orders = stream.events('order')
  source.event('order', '1')
  for await (const order of orders) if (order === 1) break
  source.event('order', '2')
  t.equal(validated, 1)
  t.strictSame(await orders.next(), { value: undefined, done: true })
  t.notOk(source.isClosed)
})

t.test('a waiting loop throws when the stream was closed for a failure, after the payloads that wait, and a later loop throws at once', async (t) => {
  for (const end of [
    { state: 'closed', reason: 'final', closeReason: 'error' }, { state: 'closed', reason: 'final', closeReason: 'failed' },
    { state: 'closed', reason: 'final', closeReason: 'lost' }, { state: 'closed', reason: 'lost' }, { state: 'closed', reason: 'unreadable' },
    { state: 'closed', reason: 'gone', httpStatus: 401 }, { state: 'closed', reason: 'gone', httpStatus: 200 }
  ] as const) {
    const { stream, source } = open()
    const seen: unknown[] = []
    const loop = (async () => { for await (const order of stream.events('order')) seen.push(order) })()
    source.event('order', '7')
    source.turn(end)
    await t.rejects(loop, { cause: end })
    t.strictSame(seen, [7])
    await t.rejects(stream.events('order').next(), { cause: end })
    t.strictSame(await stream.statuses().next(), { value: end, done: false })
  }
})

t.test('a waiting loop ends when the stream is closed without a failure', async (t) => {
  for (const end of [
    CLOSED, { state: 'closed', reason: 'final', closeReason: 'ended' }, { state: 'closed', reason: 'final', closeReason: 'stopped' },
    { state: 'closed', reason: 'gone', httpStatus: 204 }
  ] as const) {
    const { stream, source } = open()
    const waiting = [stream.events('order').next(), stream.events('other').next()]
    source.turn(end)
    t.strictSame((await Promise.all(waiting)).map(({ done }) => done), [true, true])
    t.strictSame(await stream.events('order').next(), { value: undefined, done: true }, 'a later loop ends immediately')
  }
})

t.test('`statuses` iterates over statuses from the current one to `closed`', async (t) => {
  const { stream, source } = open()
  source.turn(OPEN)
  const statuses = stream.statuses()
  source.turn(WAITING)
  source.turn({ state: 'connecting' })
  stream.close()
  const taken: Status[] = []
  for await (const status of statuses) taken.push(status)
  t.strictSame(taken, [OPEN, WAITING, { state: 'connecting' }, CLOSED])
  const later: Status[] = []
  for await (const status of stream.statuses()) later.push(status)
  t.strictSame(later, [CLOSED], 'a closed stream has one status')
})

t.test('`observe` receives every event unparsed, before its listeners', async (t) => {
  const told: unknown[] = []
  const { stream, source } = open({ observe: (event) => told.push(event) })
  stream.on('order', (payload) => told.push(payload))
  source.event('order', '1', '1')
  source.event('other', 'no JSON', '2')
  t.strictSame(told, [{ type: 'order', data: '1', lastEventId: '1' }, 1, { type: 'other', data: 'no JSON', lastEventId: '2' }])
})

t.test('`reconnect`, `close` and `lastEventId` are passed on to and from the source', async (t) => {
  const { stream, source } = open()
  t.equal(stream.url, URL)
  stream.reconnect()
  stream.reconnect('7')
  t.strictSame(source.reconnects, [undefined, '7'])
  source.event('order', '1', '8')
  t.equal(stream.lastEventId, '8')
  stream.close()
  t.ok(source.isClosed)
})

t.test('`on` throws a TypeError with the event type for a listener that is not a function', async (t) => {
  const { stream } = open()
  t.throws(() => stream.on('order', undefined as never), { name: 'TypeError', message: 'on "order"' })
})
