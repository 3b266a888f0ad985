import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { Type } from '@sinclair/typebox'
import t, { type Test } from 'tap'
import ssePlugin, { defineEvents, type Run, type SsePluginOptions, type StartOptions, type Subscriber } from '../../plugin.ts'
import { advance, openStream } from '../../testing/index.ts'
import { gate, listen, RawReader, until, type Gate } from '../flows/raw-reader.ts'
import { RunReader } from './run-reader.ts'

const events = defineEvents({
  token: { schema: Type.String(), merge: (older, newer) => older + newer },
  step: Type.Object({ n: Type.Number() })
})

interface Journey {
  readonly app: FastifyInstance
  readonly sse: ReturnType<typeof typed>
  /** What the routes `/own/:name` do. */
  readonly own: Record<string, (reply: FastifyReply) => Promise<unknown>>
  readonly opened: Subscriber[]
  readonly errors: Array<Record<string, unknown>>
}

const typed = (app: FastifyInstance) => app.sse.of(events)

async function start (t: Test, options: SsePluginOptions = {}): Promise<Journey> {
  const opened: Subscriber[] = []
  const errors: Array<Record<string, unknown>> = []
  const app = Fastify({ forceCloseConnections: true, logger: { level: 'error', stream: { write: (line: string) => { errors.push(JSON.parse(line)) } } } }) as FastifyInstance
  t.after(() => app.close())
  await app.register(ssePlugin, { events, path: false, onSubscribe: (subscriber) => { opened.push(subscriber) }, ...options })
  app.get<{ Params: { id: string } }>('/runs/:id', (request, reply) => app.sse.runs.subscribe(reply, request.params.id))
  app.get<{ Params: { id: string } }>('/plain/:id', (request, reply) => app.sse.runs.subscribe(reply, request.params.id, { plain: true }))
  app.get<{ Params: { id: string } }>('/done/:id', (request, reply) => app.sse.runs.subscribe(reply, request.params.id, { plain: { end: '[DONE]' } }))
  app.delete<{ Params: { id: string } }>('/runs/:id', async (request) => ({ stopped: await app.sse.runs.stop(request.params.id) }))
  const own: Journey['own'] = {}
  app.get<{ Params: { name: string } }>('/own/:name', (request, reply) => own[request.params.name]!(reply))
  await app.ready()
  return { app, get sse () { return typed(app) }, own, opened, errors }
}

/** A source that gives an item when the test says so. */
class Hand {
  readonly #items: string[] = []
  #wake: Gate = gate()
  #isOver = false
  #failure: Error | undefined
  signal: AbortSignal | undefined
  calls = 0

  readonly source = async function * (this: Hand, signal: AbortSignal): AsyncGenerator<string> {
    this.signal = signal
    this.calls++
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift()!
      if (this.#failure !== undefined) throw this.#failure
      if (this.#isOver) return
      this.#wake = gate()
      await this.#wake.passed
    }
  }.bind(this)

  give (...items: string[]): void {
    this.#items.push(...items)
    this.#wake.open()
  }

  end (): void {
    this.#isOver = true
    this.#wake.open()
  }

  fail (error: Error): void {
    this.#failure = error
    this.#wake.open()
  }
}

interface Started {
  readonly hand: Hand
  readonly run: Run<{ token: string, step: { n: number } }>
}

async function startByHand (sse: ReturnType<typeof typed>, options: StartOptions = {}): Promise<Started> {
  const hand = new Hand()
  return { hand, run: await sse.runs.start('token', hand.source, options) }
}

t.test('a reader that comes in the middle gets the items so far, each later one, and the end with the status', async (t) => {
  const { app, sse } = await start(t)
  const { hand, run } = await startByHand(sse)
  const early = await openStream(app, `/runs/${run.id}`)
  hand.give('a', 'b')
  t.equal((await early.next()).data, 'a')
  t.equal((await early.next()).data, 'b')
  const late = await openStream(app, `/runs/${run.id}`)
  t.equal((await late.next()).data, 'ab', 'merged, because the reader was not there')
  hand.give('c', 'd')
  for (const stream of [early, late]) t.strictSame([(await stream.next()).data, (await stream.next()).data], ['c', 'd'])
  hand.end()
  for (const stream of [early, late]) t.strictSame((await stream.next('sse.close')).data, { reason: 'ended', status: 'done' })
  t.equal(await run.finished, 'done')
  t.strictSame([run.status, await sse.runs.status(run.id)], ['done', 'done'])
  const after = await openStream(app, `/runs/${run.id}`)
  t.equal((await after.next()).data, 'abcd')
  await after.next('sse.close')
})

t.test('a run goes on without readers, and its source is called once', async (t) => {
  const { app, sse } = await start(t)
  const { hand, run } = await startByHand(sse)
  const reader = await openStream(app, `/runs/${run.id}`)
  hand.give('a')
  await reader.next()
  await reader.close()
  await until(() => app.sse.count() === 0)
  hand.give('b')
  hand.end()
  t.equal(await run.finished, 'done')
  t.equal(hand.calls, 1)
  const again = await openStream(app, `/runs/${run.id}?lastEventId=${reader.lastEventId}`)
  t.equal((await again.next()).data, 'b')
})

t.test('the ID of a run cannot be guessed, and a given one is taken until the run is forgotten', async (t) => {
  const { app, sse } = await start(t, { runs: { keepFor: 5000 } })
  const ids = await Promise.all(Array.from({ length: 20 }, async () => (await startByHand(sse)).run.id))
  t.equal(new Set(ids).size, 20)
  for (const id of ids) t.match(id, /^[\w-]{24}$/)
  const { hand, run } = await startByHand(sse, { id: 'answer/1' })
  t.equal(run.id, 'answer/1')
  await t.rejects(startByHand(sse, { id: 'answer/1' }), { code: 'FST_SSE_RUN_EXISTS', statusCode: 409 })
  hand.end()
  await run.finished
  await t.rejects(startByHand(sse, { id: 'answer/1' }), { code: 'FST_SSE_RUN_EXISTS' })
  await advance(app, 5000)
  const { run: next } = await startByHand(sse, { id: 'answer/1' })
  t.strictSame([run.status, next.status], ['done', 'running'])
})

t.test('two starts of one ID in one moment give one run', async (t) => {
  const { sse } = await start(t)
  const results = await Promise.allSettled([1, 2, 3].map(() => startByHand(sse, { id: 'one' })))
  t.strictSame(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected'])
})

t.test('a reader may come until `keepFor` after the end, and gets 404 afterwards', async (t) => {
  const { app, sse, errors } = await start(t)
  const { hand, run } = await startByHand(sse, { keepFor: 10_000 })
  hand.give('a')
  hand.end()
  await run.finished
  await advance(app, 9_000)
  const late = await openStream(app, `/runs/${run.id}`)
  t.equal((await late.next()).data, 'a')
  await advance(app, 1000)
  for (const id of [run.id, 'unknown', 'a b']) {
    const response = await app.inject(`/runs/${encodeURIComponent(id)}`)
    t.strictSame([response.statusCode, response.json().code], [404, 'FST_SSE_RUN_UNKNOWN'])
  }
  for (const id of ['x'.repeat(201), '', undefined as never]) await t.rejects(sse.runs.status(id), { code: 'FST_SSE_RUN_UNKNOWN' })
  await t.rejects(sse.runs.status(run.id), { code: 'FST_SSE_RUN_UNKNOWN', statusCode: 404 })
  await t.rejects(sse.runs.stop(run.id), { code: 'FST_SSE_RUN_UNKNOWN' })
  t.strictSame(errors, [], 'a request may ask for any ID')
  t.equal(app.sse.stats().runs.known, 0)
  t.equal(await run.stop(), false)
})

t.test('`stop` ends the source and every stream, and says whether the run went on until then', async (t) => {
  const { app, sse } = await start(t)
  const { hand, run } = await startByHand(sse)
  const reader = await openStream(app, `/runs/${run.id}`)
  hand.give('a')
  await reader.next()
  t.strictSame((await app.inject({ method: 'DELETE', url: `/runs/${run.id}` })).json(), { stopped: true })
  t.strictSame((await reader.next('sse.close')).data, { reason: 'ended', status: 'stopped' })
  t.equal(hand.signal?.aborted, true)
  t.equal(hand.signal?.reason, 'stopped')
  t.strictSame((await app.inject({ method: 'DELETE', url: `/runs/${run.id}` })).json(), { stopped: false })
  t.equal(await run.finished, 'stopped')
  hand.give('late')
  const late = await openStream(app, `/runs/${run.id}`)
  t.strictSame([(await late.next()).data, (await late.next('sse.close')).data], ['a', { reason: 'ended', status: 'stopped' }])
})

t.test('a source that fails ends the run as failed, and its error is logged and not sent', async (t) => {
  const { app, sse, errors } = await start(t)
  const { hand, run } = await startByHand(sse)
  const reader = await openStream(app, `/runs/${run.id}`)
  hand.give('a')
  hand.fail(new Error('secret'))
  t.equal((await reader.next()).data, 'a')
  t.strictSame((await reader.next('sse.close')).data, { reason: 'error', status: 'failed' })
  t.equal(await run.finished, 'failed')
  t.match(errors, [{ run: run.id, err: { message: 'secret' } }])
  await until(() => app.sse.stats().closes.error === 1)
})

t.test('an item that its schema refuses, or that is too large, ends the run as failed after the items before it', async (t) => {
  const { app, sse, errors } = await start(t, { maxPayloadBytes: 100 })
  const wrong: Array<[string, string]> = [[7 as never, 'FST_SSE_PAYLOAD_INVALID'], ['x'.repeat(101), 'FST_SSE_PAYLOAD_TOO_LARGE']]
  for (const [item, code] of wrong) {
    const run = await sse.runs.start('token', async function * () { yield 'a'; yield item })
    t.equal(await run.finished, 'failed')
    t.match(errors.pop(), { err: { code } })
    t.equal((await (await openStream(app, `/runs/${run.id}`)).next()).data, 'a')
  }
  const small = await sse.runs.start('token', async function * () { yield 'a'.repeat(50) }, { maxBytes: 20 })
  t.equal(await small.finished, 'failed')
  t.match(errors.pop(), { err: { code: 'FST_SSE_PAYLOAD_TOO_LARGE', message: /"runs\.maxBytes" allows 20/ } })
})

t.test('a source of several events gives `{ event, data }`', async (t) => {
  const { app, sse, errors } = await start(t)
  const run = await sse.runs.start(async function * () {
    yield { event: 'token', data: 'a' } as const
    yield { event: 'step', data: { n: 1 } } as const
    yield { event: 'token', data: 'b' } as const
    yield { event: 'token', data: 'c' } as const
  })
  await run.finished
  const seen: unknown[] = []
  for await (const { event, data } of await openStream(app, `/runs/${run.id}`)) seen.push([event, data])
  t.strictSame(seen, [['token', 'a'], ['step', { n: 1 }], ['token', 'bc']])
  const strange = await sse.runs.start(async function * () { yield undefined as never })
  t.equal(await strange.finished, 'failed')
  t.match(errors, [{ err: { code: 'FST_SSE_EVENT_UNKNOWN' } }])
})

t.test('plain readers get the items, then the end of the response, or their last event, or 204 if they have all', async (t) => {
  const { app, sse } = await start(t)
  const { hand, run } = await startByHand(sse)
  const port = await listen(t, app)
  const url = `http://127.0.0.1:${port}`
  const live = fetch(`${url}/plain/${run.id}`).then((response) => response.text())
  await until(() => app.sse.count() === 1)
  hand.give('a', 'b')
  hand.end()
  await run.finished
  const key = /id: (\w+)\.1\n/.exec(await live)![1]!
  t.match(await live, new RegExp(`^:\nretry: \\d+\nid: ${key}.1\nevent: token\ndata: a\n\nid: ${key}.2\nevent: token\ndata: b\n\n$`))
  const late = await fetch(`${url}/done/${run.id}`)
  t.match(await late.text(), new RegExp(`^:\nretry: \\d+\nid: ${key}.2\nevent: token\ndata: ab\n\nid: ${key}.3\ndata: \\[DONE\\]\n\n$`))
  const status = async (path: string, id: string): Promise<number> => (await fetch(`${url}/${path}/${run.id}`, { headers: { 'last-event-id': id } })).status
  t.equal(await status('plain', `${key}.2`), 204)
  t.equal(await status('plain', `${key}.1`), 200)
  t.equal(await status('done', `${key}.2`), 200, 'it lacks the last event')
  t.equal(await status('done', `${key}.3`), 204)
  t.equal(await status('runs', `${key}.2`), 200, 'it lacks the status')
  t.equal(await status('runs', 'sse.final'), 204)
})

t.test('a plain stream of a run that failed is cut, and a reader that has its items gets 204', async (t) => {
  const { app, sse } = await start(t)
  const run = await sse.runs.start('token', async function * () { yield 'a'; throw new Error('secret') })
  await run.finished
  const port = await listen(t, app)
  const reader = await (await RawReader.connect(t, port)).ask(`GET /done/${run.id}`).seesClose()
  t.match(reader.answers[0]!.body, /^:\nretry: \d+\nid: \w+\.1\nevent: token\ndata: a\n\n$/)
  t.equal(reader.answers[0]!.complete, false)
  const id = /id: (\S+)/.exec(reader.answers[0]!.body)![1]!
  t.equal((await app.inject({ url: `/done/${run.id}`, headers: { 'last-event-id': id } })).statusCode, 204)
})

t.test('a plain stream that the application closes before the run ends is cut', async (t) => {
  const { app, sse, opened } = await start(t)
  const { hand, run } = await startByHand(sse)
  const reader = (await RawReader.connect(t, await listen(t, app))).ask(`GET /done/${run.id}`)
  hand.give('a')
  await reader.sees(({ bytes }) => bytes.includes('data: a'))
  opened[0]!.close()
  await reader.seesClose()
  t.equal(reader.answers[0]!.complete, false)
  t.notMatch(reader.answers[0]!.body, 'DONE')
  t.equal(run.status, 'running')
})

t.test('an ID of one run is foreign in another, also of the same name, and a strange one is unknown', async (t) => {
  const { app, sse } = await start(t, { runs: { keepFor: 1000 } })
  const first = await startByHand(sse, { id: 'a' })
  first.hand.give('one')
  const reader = await openStream(app, '/runs/a')
  await reader.next()
  first.hand.end()
  await first.run.finished
  await advance(app, 1000)
  const second = await startByHand(sse, { id: 'a' })
  second.hand.give('two')
  for (const [id, reason] of [[reader.lastEventId, 'foreign'], ['strange', 'unknown'], [reader.lastEventId.replace(/1$/, '0'), 'foreign']] as const) {
    const response = await openStream(app, '/runs/a', { headers: { 'last-event-id': id } })
    t.equal(response.headers['sse-gap'], reason)
    t.equal((await response.next('sse.gap')).data.reason, reason)
    t.equal((await response.next()).data, 'two')
  }
  const { lastEventId } = await openStream(app, '/runs/a').then(async (stream) => { await stream.next(); return stream })
  const future = await openStream(app, '/runs/a', { headers: { 'last-event-id': lastEventId.replace(/\d+$/, '99') } })
  t.equal((await future.next('sse.gap')).data.reason, 'future')
})

t.test('over `maxBytes` the oldest items leave, and a reader that needed them gets a gap, then everything that is left', async (t) => {
  const { app, sse } = await start(t)
  const items = Array.from({ length: 300 }, (_, n) => `${n} ${'x'.repeat(100)}`)
  const run = await sse.runs.start('step', async function * () { for (const [n] of items.entries()) yield { n } }, { maxBytes: 1024 })
  t.equal(await run.finished, 'done')
  const stream = await openStream(app, `/runs/${run.id}`)
  const { data } = await stream.next('sse.gap')
  t.equal(data.reason, 'evicted')
  const numbers: number[] = []
  for await (const event of stream) numbers.push((event.data as { n: number }).n)
  t.strictSame(numbers, Array.from({ length: numbers.length }, (_, at) => 300 - numbers.length + at))
  t.ok(numbers.length > 10 && numbers.length < 100, String(numbers.length))
  t.ok(app.sse.stats().runs.bytes <= 1024)
})

t.test('a reader with a socket that accepts everything gets each item of a small run whose source never waits', async (t) => {
  const { app, sse } = await start(t)
  const port = await listen(t, app)
  const isThere = gate()
  const texts = Array.from({ length: 500 }, (_, n) => `${n} ${'x'.repeat(100)}`)
  const run = await sse.runs.start('token', async function * () {
    await isThere.passed
    yield * texts
  }, { maxBytes: 2048 })
  const reader = new RunReader(run.id).connect(port)
  t.after(() => reader.cut())
  await until(() => app.sse.count() === 1)
  isThere.open()
  await reader.ended()
  t.strictSame([reader.gaps, reader.items.join('')], [[], texts.join('')])
})

t.test('a run that nobody reads is stopped after `stopWhenUnread`, and a reader puts that off', async (t) => {
  const { app, sse } = await start(t)
  const { hand, run } = await startByHand(sse, { stopWhenUnread: 30_000 })
  await advance(app, 20_000)
  const reader = await openStream(app, `/runs/${run.id}`)
  await advance(app, 60_000)
  t.equal(run.status, 'running')
  await reader.close()
  await until(() => app.sse.count() === 0)
  await advance(app, 28_000)
  t.equal(run.status, 'running')
  await advance(app, 4000)
  t.equal(run.status, 'stopped')
  t.equal(hand.signal?.aborted, true)
})

t.test('a `stopWhenUnread` of 0 stops a run as soon as nobody reads it, and not before', async (t) => {
  const { app, sse } = await start(t)
  const { run } = await startByHand(sse, { stopWhenUnread: 0 })
  const reader = await openStream(app, `/runs/${run.id}`)
  await advance(app, 5000)
  t.equal(run.status, 'running')
  await reader.close()
  await until(() => app.sse.count() === 0)
  await advance(app, 1000)
  t.equal(run.status, 'stopped')
})

t.test('`maxRuns` limits the runs that are known, and those that are over do not count', async (t) => {
  const { app, sse } = await start(t, { runs: { maxRuns: 2, keepFor: 1000 } })
  const { hand, run } = await startByHand(sse)
  await startByHand(sse)
  await t.rejects(startByHand(sse), { code: 'FST_SSE_RUNS_EXCEEDED', statusCode: 503 })
  hand.end()
  await run.finished
  await t.rejects(startByHand(sse), { code: 'FST_SSE_RUNS_EXCEEDED' })
  await advance(app, 2000)
  t.equal((await startByHand(sse)).run.status, 'running')
})

t.test('when the application closes, readers are told to come back, then its runs are stopped', async (t) => {
  const { app, sse } = await start(t)
  const { hand, run } = await startByHand(sse)
  const reader = await openStream(app, `/runs/${run.id}`)
  hand.give('a')
  await reader.next()
  await app.close()
  t.equal(await run.finished, 'stopped')
  t.equal(hand.signal?.aborted, true)
  await t.rejects(reader.next('sse.close'), /The stream ended before/, 'it may find the rest elsewhere')
  t.equal(app.sse.stats().closes.shutdown, 1)
  await t.rejects(startByHand(sse), { code: 'FST_SSE_CLOSED', message: 'A run was started after the application began to close' })
})

t.test('`start` and `subscribe` name an invalid option, and nothing begins', async (t) => {
  const { app, sse, own } = await start(t)
  const source = async function * (): AsyncGenerator<string> {}
  const wrong: Array<[object, RegExp]> = [
    [{ id: '' }, /"start\.id" must be 1 to 200 printable ASCII characters without spaces; it is empty text/],
    [{ id: 'a b' }, /"start\.id"/], [{ id: 7 }, /"start\.id"/], [{ id: 'x'.repeat(201) }, /"start\.id"/],
    [{ keepFor: -1 }, /"start\.keepFor"/], [{ maxBytes: '1' }, /"start\.maxBytes"/], [{ stopWhenUnread: true }, /"start\.stopWhenUnread"/],
    [{ channel: 1 }, /key of the option "start" is unknown; valid keys: id, keepFor, maxBytes, stopWhenUnread, context/]
  ]
  for (const [options, message] of wrong) await t.rejects(sse.runs.start('token', source, options), { message })
  await t.rejects(sse.runs.start('token', undefined as never), { code: 'FST_SSE_SOURCE_INVALID', message: /; it is undefined$/ })
  await t.rejects(sse.runs.start('tokens' as 'token', source), { code: 'FST_SSE_EVENT_UNKNOWN' })
  t.equal(app.sse.stats().runs.known, 0)
  const { run } = await startByHand(sse)
  own.wrong = (reply) => run.subscribe(reply, { channels: ['a'] } as object)
  t.match((await app.inject('/own/wrong')).json(), { message: /valid keys: from, resume, context, expiresAt, plain$/ })
})

t.test('a reader of a run has the context of the run, hears no channel, and can be sent events', async (t) => {
  const { app, sse, own, opened } = await start(t)
  const context = { user: 'ada' }
  const { hand, run } = await startByHand(sse, { context })
  own.run = (reply) => run.subscribe(reply)
  const reader = await openStream(app, '/own/run')
  const subscriber = opened[0] as unknown as Subscriber<{ token: string, step: { n: number } }>
  t.strictSame([run.context, subscriber.context, subscriber.channels], [context, context, []])
  t.throws(() => subscriber.join('a'), { code: 'FST_SSE_RUN_READER' })
  hand.give('a')
  await reader.next()
  await subscriber.send('step', { n: 7 })
  t.strictSame((await reader.next()).data, { n: 7 })
  await app.sse.broadcast('step', { n: 8 } as never)
  hand.give('b')
  t.equal((await reader.next()).data, 'b', 'no broadcast in between')
  t.strictSame([app.sse.count(), app.sse.count('*')], [1, 0])
})

t.test('`from: head` gives only what comes, and `resume: false` begins again', async (t) => {
  const { app, sse, own } = await start(t)
  const { hand, run } = await startByHand(sse)
  own.head = (reply) => run.subscribe(reply, { from: 'head' })
  own.again = (reply) => run.subscribe(reply, { resume: false })
  hand.give('a')
  const first = await openStream(app, `/runs/${run.id}`)
  await first.next()
  const head = await openStream(app, '/own/head')
  hand.give('b')
  t.equal((await head.next()).data, 'b')
  const again = await openStream(app, `/own/again?lastEventId=${head.lastEventId}`)
  t.equal((await again.next()).data, 'ab')
})

t.test('a source that never waits leaves time for its readers, who get every item', async (t) => {
  const { app, sse } = await start(t)
  const port = await listen(t, app)
  const started = gate()
  const run = await sse.runs.start('step', async function * () {
    await started.passed
    for (let n = 0; n < 100_000; n++) yield { n }
  }, { maxBytes: 2 * 1024 * 1024 })
  const reader = (await RawReader.connect(t, port)).ask(`GET /runs/${run.id}`)
  await reader.seesEvents('sse.open')
  started.open()
  await reader.seesEvents('sse.close')
  const steps = reader.events.filter(({ event }) => event === 'step').map(({ data }) => (JSON.parse(data) as { n: number }).n)
  t.equal(steps.length, 100_000)
  t.ok(steps.every((n, at) => n === at))
  t.equal(app.sse.stats().gaps.slow, 0)
})

t.test('a reader that does not read holds up neither the source nor other readers, and gets a gap when it goes on', async (t) => {
  const { app, sse } = await start(t, { maxBacklogBytes: 0 })
  const port = await listen(t, app)
  const { hand, run } = await startByHand(sse, { maxBytes: 2 * 1024 * 1024 })
  const slow = (await RawReader.connect(t, port)).ask(`GET /runs/${run.id}`)
  await slow.seesEvents('sse.open')
  slow.socket.pause()
  const healthy = (await RawReader.connect(t, port)).ask(`GET /runs/${run.id}`)
  await healthy.seesEvents('sse.open')
  for (let n = 0; n < 40; n++) {
    hand.give(`${n} ${'x'.repeat(500_000)}`)
    await healthy.seesEvents('token', n + 1)
  }
  hand.end()
  t.equal(await run.finished, 'done')
  await healthy.seesEvents('sse.close')
  slow.socket.resume()
  await slow.seesEvents('sse.close')
  t.ok(slow.events.some(({ event, data }) => event === 'sse.gap' && data.includes('"slow"')))
  t.notOk(healthy.events.some(({ event }) => event === 'sse.gap'))
  const told = slow.events.filter(({ event }) => event === 'token').map(({ data }) => Number.parseInt(data, 10))
  t.equal(told.at(-1), 39, told.join(' '))
})

t.test('`merge` that throws or gives an invalid payload leaves the events apart, and is logged once', async (t) => {
  const odd = defineEvents({
    broken: { schema: Type.String(), merge: () => { throw new Error('secret') } },
    short: { schema: Type.String({ maxLength: 3 }), merge: (older, newer) => older + newer }
  })
  const { app, errors } = await start(t, { events: odd })
  const sse = app.sse.of(odd)
  const broken = await sse.runs.start('broken', async function * () { yield 'a'; yield 'b'; yield 'c' })
  const short = await sse.runs.start('short', async function * () { for (const letter of 'abcdefgh') yield letter })
  await Promise.all([broken.finished, short.finished])
  for (const [run, data] of [[broken, ['a', 'b', 'c']], [short, ['abc', 'def', 'gh']]] as const) {
    const seen: unknown[] = []
    for await (const event of await openStream(app, `/runs/${run.id}`)) seen.push(event.data)
    t.strictSame(seen, data)
  }
  t.match(errors, [{ event: 'broken', err: { message: 'secret' } }])
  t.equal(errors.length, 1)
})

t.test('`merge` may change what it gets, also when the result is not used', async (t) => {
  const lists = defineEvents({
    short: { schema: Type.Array(Type.Number(), { maxItems: 4 }), merge: (older, newer) => { older.push(...newer); return older } },
    even: { schema: Type.Array(Type.Number()), merge: (older, newer) => { older.push(...newer); return older.length > 2 ? undefined : older } },
    odd: { schema: Type.Array(Type.Number()), merge: (older, newer) => { older.push(...newer); if (older.length > 3) throw new Error('enough'); return older } }
  })
  const { app } = await start(t, { events: lists })
  const sse = app.sse.of(lists)
  for (const [event, expected] of [['short', [[1, 2, 3, 4], [5, 6]]], ['even', [[1, 2], [3, 4], [5, 6]]], ['odd', [[1, 2, 3], [4, 5, 6]]]] as const) {
    const run = await sse.runs.start(event, async function * () { for (const number of [1, 2, 3, 4, 5, 6]) yield [number] })
    await run.finished
    const seen: unknown[] = []
    for await (const { data } of await openStream(app, `/runs/${run.id}`)) seen.push(data)
    t.strictSame(seen, expected)
  }
})

t.test('`merge` that gives a payload without a JSON form leaves the events apart', async (t) => {
  const huge = defineEvents({ huge: { schema: Type.Any(), merge: () => 1n } })
  const { app, errors } = await start(t, { events: huge })
  const run = await app.sse.of(huge).runs.start('huge', async function * () { yield 'a'; yield 'b'; yield 'c' })
  await run.finished
  const seen: unknown[] = []
  for await (const event of await openStream(app, `/runs/${run.id}`)) seen.push(event.data)
  t.strictSame(seen, ['a', 'b', 'c'])
  t.match(errors, [{ event: 'huge' }])
  t.equal(errors.length, 1)
})

t.test('asking for its status does not keep a run that nobody reads', async (t) => {
  const { app, sse } = await start(t)
  const { run } = await startByHand(sse, { stopWhenUnread: 3000 })
  for (let second = 0; second < 5; second++) {
    await advance(app, 1000)
    await app.sse.runs.status(run.id)
  }
  t.equal(run.status, 'stopped')
})

t.test('`subscribe` of a run that is over does not open a later run of its ID', async (t) => {
  const { app, sse, own } = await start(t)
  const first = await sse.runs.start('token', async function * () { yield 'a' }, { id: 'same', keepFor: 1000 })
  await first.finished
  own['first'] = (reply) => first.subscribe(reply)
  await advance(app, 5000)
  await sse.runs.start('token', async function * () { yield 'b' }, { id: 'same' })
  t.match((await app.inject('/own/first')).json(), { statusCode: 404, code: 'FST_SSE_RUN_UNKNOWN' })
  t.equal((await (await openStream(app, '/runs/same')).next()).data, 'b')
})

t.test('20,000 merged items replay in a handful of writes, and take the memory of their text', async (t) => {
  const { app, sse } = await start(t)
  const words = Array.from({ length: 20_000 }, (_, n) => `w${n % 100} `)
  const run = await sse.runs.start('token', async function * () { yield * words })
  t.equal(await run.finished, 'done')
  const text = words.join('')
  const { bytes } = app.sse.stats().runs
  const names = 100
  t.ok(bytes <= text.length + 4 * 20_000 + names, `${bytes} bytes for ${text.length}`)
  const stream = await openStream(app, `/runs/${run.id}`)
  const pieces: string[] = []
  for await (const { data } of stream) pieces.push(data as string)
  t.equal(pieces.join(''), text)
  t.ok(pieces.length <= 3, String(pieces.length))
  t.ok(pieces.every((piece) => piece.length <= 64 * 1024))
})

t.test('`stats` counts runs by status', async (t) => {
  const { app, sse } = await start(t)
  const { hand, run } = await startByHand(sse)
  const failing = await sse.runs.start('token', async function * () { throw new Error('x') })
  await failing.finished
  t.match(app.sse.stats().runs, { known: 2, running: 1, started: 2, ends: { done: 0, stopped: 0, failed: 1, lost: 0 } })
  hand.end()
  await run.finished
  t.match(app.sse.stats().runs, { known: 2, running: 0, ends: { done: 1, stopped: 0, failed: 1, lost: 0 } })
})
