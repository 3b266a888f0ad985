import type { Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { defineEvents, type CloseReason, type EventsOf, type Source, type SsePluginOptions, type StreamOptions, type Subscriber } from '../../plugin.ts'
import { gate, listen, RawReader, turn, until } from './raw-reader.ts'

const events = defineEvents({
  message: Type.String(),
  'order.updated': Type.Object({ id: Type.String(), total: Type.Number() })
})

type OneReader = Subscriber<EventsOf<typeof events>>

interface LogLine { readonly level: number, readonly event?: string, readonly err?: { readonly code?: string, readonly message: string } }

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  /** Every subscriber whose stream opened, in order. */
  readonly opened: OneReader[]
  readonly closes: CloseReason[]
  /** The server's side of every connection, in order. */
  readonly sockets: Socket[]
  /** Log lines at `warn` and above. */
  readonly logged: LogLine[]
}

interface Setup {
  readonly options?: Omit<SsePluginOptions, 'prefix'>
  readonly routes?: (app: FastifyInstance) => unknown
}

async function start (t: Test, { options = {}, routes = () => {} }: Setup = {}): Promise<Journey> {
  const logged: LogLine[] = []
  const opened: OneReader[] = []
  const closes: CloseReason[] = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { logged.push(JSON.parse(line)) } } } }) as FastifyInstance
  await app.register(ssePlugin, {
    events,
    shutdownTimeout: 0,
    onSubscribe: (subscriber) => { opened.push(subscriber as unknown as OneReader) },
    onClose: (_subscriber, reason) => { closes.push(reason) },
    ...options
  })
  app.get('/plain', async () => 'plain')
  await routes(app)
  const sockets: Socket[] = []
  app.server.on('connection', (socket) => { sockets.push(socket) })
  return { app, port: await listen(t, app), opened, closes, sockets, logged }
}

async function open (t: Test, port: number, request = 'GET /events'): Promise<RawReader> {
  return (await RawReader.connect(t, port)).ask(request).seesEvents('sse.open')
}

/** The data of the application's events and the types of the plugin's. */
function told ({ events }: RawReader): string[] {
  return events.slice(1).map(({ event, data }) => event?.startsWith('sse.') ? event : data)
}

/** Stops the reader and broadcasts until its socket is full and an event waits. */
async function stall ({ app, opened }: Journey, reader: RawReader): Promise<void> {
  reader.socket.pause()
  // More than any kernel buffers.
  while (opened[0]!.lag < 2) {
    void app.sse.broadcast('message', 'x'.repeat(500_000))
    await turn()
  }
}

t.test('`send`', async (t) => {
  t.test('reaches its reader alone, has no id and is not replayed', async (t) => {
    const { app, port, opened, logged } = await start(t)
    const sse = app.sse.of(events)
    const mine = await open(t, port)
    const other = await open(t, port)
    const { id } = await sse.broadcast('message', 'before')
    t.equal(await opened[0]!.send('order.updated', { id: 'o-1', total: 9.5 }), true)
    const after = await sse.broadcast('message', 'after')
    t.equal(sse.lastEventId, after.id)
    await Promise.all([mine, other].map((reader) => reader.seesEvents(undefined, 2)))
    t.strictSame(told(mine), ['before', '{"id":"o-1","total":9.5}', 'after'])
    t.strictSame(mine.events[2], { id: undefined, event: 'order.updated', data: '{"id":"o-1","total":9.5}' })
    t.strictSame(told(other), ['before', 'after'])
    const again = await open(t, port, `GET /events?lastEventId=${id}`)
    await again.seesEvents(undefined)
    t.strictSame(told(again), ['after'])
    t.strictSame(logged, [])
  })

  t.test('reaches a subscriber without channels', async (t) => {
    const { app, port, opened } = await start(t, { options: { subscribe: () => ({ channels: [] }) } })
    const reader = await open(t, port)
    void app.sse.broadcast('message', 'to all')
    t.equal(await opened[0]!.send('message', 'to one'), true)
    await reader.seesEvents(undefined)
    t.strictSame(told(reader), ['to one'])
  })

  t.test('keeps its place after every earlier broadcast and before every later one, even for a reader that is behind', async (t) => {
    for (const stalled of [false, true]) {
      const journey = await start(t, { options: { maxBacklogBytes: 100_000 } })
      const { app, port, opened } = journey
      const reader = await open(t, port)
      if (stalled) await stall(journey, reader)
      const expected: string[] = []
      for (let n = 0; n < 50; n++) {
        void app.sse.broadcast('message', `all ${n}`)
        void opened[0]!.send('message', `one ${n}`)
        expected.push(`all ${n}`, `one ${n}`)
        if (n % 10 === 0) await turn()
      }
      reader.socket.resume()
      await reader.sees((reader) => told(reader).at(-1) === 'one 49')
      t.strictSame(told(reader).filter((text) => !text.startsWith('x')), expected)
    }
  })

  t.test('serializes the payload during the call: later changes have no effect', async (t) => {
    const { port, opened } = await start(t)
    const reader = await open(t, port)
    const order = { id: 'o-1', total: 1 }
    const sent = opened[0]!.send('order.updated', order)
    order.total = 2
    await sent
    await reader.seesEvents('order.updated')
    t.strictSame(told(reader), ['{"id":"o-1","total":1}'])
  })

  t.test('rejects with the codes of `broadcast`, logs each error once and causes no unhandled rejection', async (t) => {
    const { app, port, opened, logged } = await start(t, { options: { maxPayloadBytes: 100 } })
    const reader = await open(t, port)
    const failing: Array<[code: string, event: string, payload: unknown]> = [
      ['FST_SSE_EVENT_UNKNOWN', 'order.deleted', {}],
      ['FST_SSE_EVENT_UNKNOWN', 'sse.close', {}],
      ['FST_SSE_PAYLOAD_INVALID', 'order.updated', { id: 7 }],
      ['FST_SSE_PAYLOAD_INVALID', 'message', undefined],
      ['FST_SSE_PAYLOAD_TOO_LARGE', 'message', 'x'.repeat(101)]
    ]
    for (const [code, event, payload] of failing) {
      await t.rejects(opened[0]!.send(event as 'message', payload as string), { code })
      t.equal(logged.length, 1)
      t.match(logged.pop(), { level: 50, event, err: { code } })
      await t.rejects(app.sse.broadcast(event, payload), { code })
      logged.pop()
    }
    for (const [, event, payload] of failing) void opened[0]!.send(event as 'message', payload as string)
    await turn()
    t.equal(logged.length, failing.length)
    t.equal(await opened[0]!.send('message', 'fine'), true)
    await reader.seesEvents(undefined)
    t.strictSame(told(reader), ['fine'])
  })

  t.test('rejects with a stack that names the caller', async (t) => {
    const { port, opened } = await start(t)
    await open(t, port)
    const byName = async function theCallerOfSend (): Promise<boolean> { return opened[0]!.send('nothing' as 'message', '') }
    const error = await byName().catch((error: Error) => error)
    t.match((error as Error).stack, 'theCallerOfSend')
  })

  t.test('resolves with false once the reader has left, and so do the sends that were waiting', async (t) => {
    const journey = await start(t, { options: { maxBacklogBytes: 10_000 } })
    const { app, port, opened, logged } = journey
    const reader = await open(t, port)
    await stall(journey, reader)
    const waiting = [opened[0]!.send('message', 'waits'), opened[0]!.send('message', 'waits too')]
    reader.socket.destroy()
    t.strictSame(await Promise.all(waiting), [false, false])
    await until(() => app.sse.count() === 0)
    t.equal(await opened[0]!.send('message', 'too late'), false)
    t.strictSame(logged, [])
  })

  t.test('resolves with false once the stream ends and with true for earlier sends', async (t) => {
    const { port, opened } = await start(t)
    const reader = await open(t, port)
    const before = opened[0]!.send('message', 'in time')
    opened[0]!.close()
    t.equal(await opened[0]!.send('message', 'too late'), false)
    t.equal(await before, true)
    await reader.sees(({ answers }) => answers[0]!.complete)
    t.strictSame(told(reader), ['in time'])
  })

  t.test('resolves with false once the stream ends, even while other sends wait', async (t) => {
    const journey = await start(t, { options: { maxBacklogBytes: 1000 } })
    const { port, opened, logged } = journey
    const reader = await open(t, port)
    await stall(journey, reader)
    void opened[0]!.send('message', 'y'.repeat(900))
    opened[0]!.close()
    t.equal(await opened[0]!.send('message', 'z'.repeat(900)).catch((error: { code: string }) => error.code), false)
    t.strictSame(logged, [])
  })

  t.test('rejects with FST_SSE_BACKLOG_FULL once more than `maxBacklogBytes` of sends would wait, and the waiting ones arrive', async (t) => {
    const maxBacklogBytes = 10_000
    const { port, opened, sockets, logged } = await start(t, { options: { maxBacklogBytes } })
    const reader = await open(t, port)
    reader.socket.pause()
    const results = new Map<number, boolean | string>()
    let sent = 0
    // A thousand bytes each: no more than one turn's worth goes to the socket before its backlog is checked.
    while (![...results.values()].includes('FST_SSE_BACKLOG_FULL')) {
      for (let k = 0; k < 100; k++) {
        const n = sent++
        void opened[0]!.send('message', `${n} ${'x'.repeat(1000)}`).then((result) => results.set(n, result), (error: { code: string }) => results.set(n, error.code))
      }
      await turn()
    }
    await turn()
    const refused = [...results].filter(([, result]) => result === 'FST_SSE_BACKLOG_FULL').map(([n]) => n)
    const waiting = sent - results.size
    t.ok(waiting > 0 && waiting <= maxBacklogBytes / 1000, `${waiting} wait`)
    t.ok(sockets[0]!.writableLength <= maxBacklogBytes + 64 * 1024 + 100, `${sockets[0]!.writableLength} bytes in the socket`)
    t.equal(logged.length, refused.length)
    t.match(logged[0], { level: 50, event: 'message', err: { code: 'FST_SSE_BACKLOG_FULL' } })
    t.notMatch(logged[0]!.err!.message, 'xxx')
    reader.socket.resume()
    await until(() => results.size === sent)
    t.strictSame([...results.values()].filter((result) => result === false), [])
    await reader.seesEvents(undefined, sent - refused.length)
    t.strictSame(told(reader).map((text) => parseInt(text, 10)), Array.from({ length: sent }, (_, n) => n).filter((n) => !refused.includes(n)))
    t.equal(await opened[0]!.send('message', 'room again'), true)
  })

  t.test('delivers 150 events of one turn, more than `maxBacklogBytes` in all, to a reader that reads', async (t) => {
    const { port, opened, logged } = await start(t, { options: { maxBacklogBytes: 100_000 } })
    const reader = await open(t, port)
    const sent = Array.from({ length: 150 }, (_, n) => opened[0]!.send('message', `${n} ${'x'.repeat(1000)}`))
    t.strictSame(await Promise.all(sent), Array(150).fill(true))
    await reader.seesEvents(undefined, 150)
    t.strictSame(told(reader).map((text) => parseInt(text, 10)), Array.from({ length: 150 }, (_, n) => n))
    t.strictSame(logged, [])
  })

  t.test('delivers an event larger than `maxBacklogBytes` if nothing else waits', async (t) => {
    const { port, opened } = await start(t, { options: { maxBacklogBytes: 1000 } })
    const reader = await open(t, port)
    const large = 'x'.repeat(500_000)
    t.strictSame(await Promise.all([opened[0]!.send('message', 'small'), opened[0]!.send('message', large)]), [true, true])
    await reader.seesEvents(undefined, 2)
    t.strictSame(told(reader), ['small', large])
  })
})

type Streaming = (subscriber: OneReader, reply: FastifyReply, request: FastifyRequest) => Promise<unknown>

/** The outcomes of the `stream` calls, in order: values and errors. */
type Outcomes = Array<boolean | Error>

/** Declares a route, for GET and POST, whose handler streams to its reader. */
function streaming (outcomes: Outcomes, stream: Streaming): Setup {
  return {
    routes: (app) => app.route({
      method: ['GET', 'POST'],
      url: '/stream',
      handler: async (request, reply) => {
        const subscriber = await app.sse.of(events).subscribe(reply, { channels: [] })
        await stream(subscriber, reply, request).then((outcome) => outcomes.push(outcome as boolean), (error: Error) => outcomes.push(error))
      }
    })
  }
}

async function * three (): AsyncGenerator<string> {
  yield * ['one', 'two', 'three']
}

const COMPLETE = ['one', 'two', 'three', 'sse.close']

/** A source that records how it is used. */
class ObservedSource implements AsyncIterableIterator<string> {
  calls = 0
  pulls = 0
  returns = 0
  signal: AbortSignal | undefined
  readonly #item: (n: number) => Promise<string | undefined>

  /** @param item Returns the next item, or undefined at the end. */
  constructor (item: (n: number) => Promise<string | undefined>) {
    this.#item = item
  }

  readonly source: Source<string> = (signal) => {
    this.calls++
    this.signal = signal
    return this
  }

  [Symbol.asyncIterator] (): this { return this }

  async next (): Promise<IteratorResult<string>> {
    const value = await this.#item(this.pulls++)
    return value === undefined ? { done: true, value } : { done: false, value }
  }

  async return (): Promise<IteratorResult<string>> {
    this.returns++
    return { done: true, value: undefined }
  }
}

t.test('`stream`', async (t) => {
  for (const [method, body] of [['GET', ''], ['POST', '{"prompt":"count to three"}']] as const) {
    t.test(`delivers the items of a source in order to a ${method} request, then ends with \`sse.close\``, async (t) => {
      const outcomes: Outcomes = []
      const { app, port, closes, opened, logged } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', three)))
      const reader = await RawReader.connect(t, port)
      const request = `${method} /stream${body === '' ? '' : `\ncontent-type: application/json\ncontent-length: ${body.length}`}`
      reader.ask(request).socket.write(body)
      await reader.sees(({ answers }) => answers[0]?.complete === true)
      t.strictSame(told(reader), COMPLETE)
      t.strictSame(reader.events.slice(1, 4).map(({ id }) => id), [undefined, undefined, undefined])
      t.strictSame(reader.events[4], { id: 'sse.final', event: 'sse.close', data: '{"reason":"ended"}' })
      await until(() => app.sse.count() === 0)
      t.strictSame(outcomes, [true])
      t.strictSame(closes, ['ended'])
      t.equal(await opened[0]!.closed, 'ended')
      await reader.ask('GET /plain').sees(({ answers }) => answers[1]?.body === 'plain')
      t.strictSame(logged, [])
    })
  }

  t.test('calls its source once: a reader that returns with `sse.final` gets 204', async (t) => {
    let calls = 0
    const source = (): AsyncGenerator<string> => { calls++; return three() }
    const { port } = await start(t, streaming([], (subscriber) => subscriber.stream('message', source)))
    const reader = await RawReader.connect(t, port)
    await reader.ask('GET /stream').sees(({ answers }) => answers[0]?.complete === true)
    await reader.ask(`GET /stream\nlast-event-id: ${reader.events.at(-1)!.id}`).sees(({ answers }) => answers.length === 2)
    t.equal(reader.answers[1]!.status, 204)
    t.equal(calls, 1)
  })

  t.test('keeps its items in order among broadcasts and sends', async (t) => {
    const { app, port, opened } = await start(t)
    const reader = await open(t, port)
    const pulled = gate()
    const go = gate()
    const source = async function * (): AsyncGenerator<string> {
      yield 'item 1'
      pulled.open()
      await go.passed
      yield 'item 2'
    }
    const streamed = opened[0]!.stream('message', source, { end: false })
    await pulled.passed
    void app.sse.broadcast('message', 'all')
    void opened[0]!.send('message', 'one')
    go.open()
    t.equal(await streamed, true)
    void opened[0]!.send('message', 'end')
    await reader.sees((reader) => told(reader).at(-1) === 'end')
    t.strictSame(told(reader), ['item 1', 'all', 'one', 'item 2', 'end'])
    t.equal(app.sse.count(), 1, '`end: false` leaves the stream open')
  })

  t.test('of an empty source ends the stream immediately, or leaves it open with `end: false`', async (t) => {
    const outcomes: Outcomes = []
    const { app, port, opened } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', async function * () {})))
    const reader = await RawReader.connect(t, port)
    await reader.ask('GET /stream').sees(({ answers }) => answers[0]?.complete === true)
    t.strictSame(told(reader), ['sse.close'])
    t.strictSame(outcomes, [true])
    await open(t, port)
    t.equal(await opened[1]!.stream('message', async function * () {}, { end: false }), true)
    await turn()
    t.equal(app.sse.count(), 1)
  })

  t.test('pulls no faster than its reader reads', async (t) => {
    const maxBacklogBytes = 64 * 1024
    const size = 100_000
    const observed = new ObservedSource(async (n) => `${n} ${'x'.repeat(size)}`)
    const { port, sockets } = await start(t, { ...streaming([], (subscriber) => subscriber.stream('message', observed.source)), options: { maxBacklogBytes } })
    const reader = await RawReader.connect(t, port)
    reader.ask('GET /stream').socket.pause()
    await until(() => (sockets[0]?.writableLength ?? 0) > maxBacklogBytes)
    for (let n = 0; n < 50; n++) await turn()
    const { pulls } = observed
    const taken = sockets[0]!.bytesWritten - sockets[0]!.writableLength
    t.ok(pulls * size - taken <= maxBacklogBytes + 2 * size, `${pulls * size - taken} bytes wait here`)
    for (let n = 0; n < 200; n++) await turn()
    t.equal(observed.pulls, pulls, 'no further item is pulled')
    t.equal(observed.returns, 0)
    reader.socket.resume()
    await until(() => observed.pulls > pulls + 20)
    reader.socket.destroy()
    await until(() => observed.returns === 1)
  })

  t.test('pulls the next item only after the previous one was handed to the socket', async (t) => {
    let concurrent = 0
    let most = 0
    const observed = new ObservedSource(async (n) => {
      most = Math.max(most, ++concurrent)
      await turn()
      concurrent--
      return n < 20 ? `${n}` : undefined
    })
    const { port } = await start(t, streaming([], (subscriber) => subscriber.stream('message', observed.source)))
    const reader = await RawReader.connect(t, port)
    await reader.ask('GET /stream').sees(({ answers }) => answers[0]?.complete === true)
    t.strictSame(told(reader), [...Array.from({ length: 20 }, (_, n) => `${n}`), 'sse.close'])
    t.equal(most, 1)
    t.strictSame([observed.calls, observed.pulls, observed.returns], [1, 21, 0])
  })

  t.test('does not call its source without a reader: for HEAD, for `sse.final`, or after the reader left', async (t) => {
    const observed = new ObservedSource(async () => 'item')
    const outcomes: Outcomes = []
    const entered = gate()
    const left = gate()
    const setup = streaming(outcomes, (subscriber) => subscriber.stream('message', observed.source))
    const { app, port, logged } = await start(t, {
      routes: (app) => {
        app.addHook('preHandler', async (request) => {
          if (!request.url.includes('slow')) return
          entered.open()
          await left.passed
        })
        app.get('/head', async (_request, reply) => {
          const subscriber = await app.sse.of(events).subscribe(reply)
          outcomes.push(await subscriber.stream('message', observed.source))
        })
        return setup.routes!(app)
      }
    })
    const reader = await RawReader.connect(t, port)
    await reader.ask('HEAD /head').sees(({ answers }) => answers.length === 1)
    await until(() => outcomes.length === 1)
    await reader.ask('GET /stream?lastEventId=sse.final').sees(({ answers }) => answers.length === 2)
    await until(() => outcomes.length === 2)
    const closed = new Promise((resolve) => app.server.once('connection', (socket) => socket.once('close', resolve)))
    const leaving = (await RawReader.connect(t, port)).ask('GET /stream?slow')
    await entered.passed
    leaving.socket.destroy()
    await closed
    left.open()
    await until(() => outcomes.length === 3)
    t.strictSame(outcomes, [false, false, false])
    t.equal(observed.calls, 0)
    t.strictSame(logged, [])
  })

  t.test('whose reader leaves', async (t) => {
    const never = new Promise<never>(() => {})
    const moments: Array<[moment: string, item: (n: number) => Promise<string | undefined>, pulled: number]> = [
      ['before the first item', async () => never, 1],
      ['while the next item is pending', async (n) => n < 3 ? `${n}` : never, 4],
      ['while items wait for the reader', async () => 'x'.repeat(500_000), 20]
    ]
    for (const [moment, item, pulled] of moments) {
      t.test(`${moment} calls \`return\` of its source, aborts \`signal\` and resolves with false`, async (t) => {
        const observed = new ObservedSource(item)
        const outcomes: Outcomes = []
        const { app, port, closes, logged } = await start(t, {
          ...streaming(outcomes, (subscriber) => subscriber.stream('message', observed.source)), options: { maxBacklogBytes: 1000 }
        })
        const reader = await open(t, port, 'GET /stream')
        if (pulled === 20) reader.socket.pause()
        let before = -1
        // Until pulling stops, because of the reader or of the source.
        while (observed.pulls !== before || observed.pulls < Math.min(pulled, 2)) {
          before = observed.pulls
          for (let n = 0; n < 20; n++) await turn()
        }
        t.strictSame([observed.returns, observed.signal!.aborted], [0, false])
        reader.socket.destroy()
        await until(() => outcomes.length === 1)
        t.strictSame(outcomes, [false])
        t.equal(observed.returns, 1)
        t.equal(observed.signal!.aborted, true)
        t.equal(observed.signal!.reason, 'reader')
        t.equal(observed.pulls, before)
        await until(() => app.sse.count() === 0)
        t.strictSame(closes, ['reader'])
        t.strictSame(logged, [])
      })
    }

    t.test('after the last item has already resolved with true and calls no `return`', async (t) => {
      const observed = new ObservedSource(async (n) => n < 3 ? `${n}` : undefined)
      const { app, port, opened, closes } = await start(t)
      const reader = await open(t, port)
      t.equal(await opened[0]!.stream('message', observed.source, { end: false }), true)
      t.equal(observed.signal!.aborted, false)
      reader.socket.destroy()
      await until(() => app.sse.count() === 0)
      t.equal(observed.returns, 0)
      t.equal(observed.signal!.aborted, true)
      t.strictSame(closes, ['reader'])
    })

    t.test('runs the `finally` of a generator that listens to `signal` and of one whose item waits', async (t) => {
      const finals: string[] = []
      const outcomes: Outcomes = []
      const listening = async function * (signal: AbortSignal): AsyncGenerator<string> {
        try {
          yield 'item'
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
        } finally {
          finals.push('listening')
        }
      }
      const holding = async function * (): AsyncGenerator<string> {
        try {
          for (;;) yield 'x'.repeat(500_000)
        } finally {
          finals.push('holding')
        }
      }
      for (const source of [listening, holding]) {
        const { port, logged } = await start(t, { ...streaming(outcomes, (subscriber) => subscriber.stream('message', source)), options: { maxBacklogBytes: 1000 } })
        const reader = await open(t, port, 'GET /stream')
        await reader.seesEvents(undefined)
        reader.socket.pause()
        for (let n = 0; n < 100; n++) await turn()
        reader.socket.destroy()
        await until(() => finals.includes(source.name))
        await turn()
        t.strictSame(logged, [], 'an error that the source throws when it is aborted is not logged')
      }
      t.strictSame(outcomes, [false, false])
    })

    t.test('resolves with false, even for a source without `return`', async (t) => {
      const outcomes: Outcomes = []
      const source = (): AsyncIterable<string> => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) })
      const { port, logged } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', source)))
      const reader = await open(t, port, 'GET /stream')
      reader.socket.destroy()
      await until(() => outcomes.length === 1)
      t.strictSame(outcomes, [false])
      t.strictSame(logged, [])
    })

    t.test('logs an error from the source\'s `return` once', async (t) => {
      for (const fail of [() => { throw new Error('return failed') }, async () => { throw new Error('return failed') }]) {
        const outcomes: Outcomes = []
        const source = (): AsyncIterable<string> => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: fail }) })
        const { port, logged } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', source)))
        const reader = await open(t, port, 'GET /stream')
        reader.socket.destroy()
        await until(() => logged.length > 0)
        t.strictSame(outcomes, [false])
        t.match(logged, [{ level: 50, event: 'message', err: { message: 'return failed' } }])
        t.equal(logged.length, 1)
      }
    })
  })

  t.test('that is revoked or closed while the next item is pending calls `return` of its source', async (t) => {
    for (const [reason, end] of [['revoked', (app: FastifyInstance) => app.sse.disconnect(() => true, { final: true })], ['ended', (app: FastifyInstance) => [...app.sse.subscribers()][0]!.close()]] as const) {
      const outcomes: Outcomes = []
      const observed = new ObservedSource((n) => n < 1 ? Promise.resolve('item') : new Promise(() => {}))
      const { app, port, closes } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', observed.source)))
      const reader = await open(t, port, 'GET /stream')
      await reader.seesEvents(undefined)
      await end(app)
      await until(() => outcomes.length === 1)
      t.strictSame(outcomes, [false])
      t.equal(observed.returns, 1)
      t.equal(observed.signal!.reason, reason)
      t.strictSame(closes, [reason])
    }
  })
})

t.test('a source that', async (t) => {
  const inner = new Error('password: swordfish')
  const failing: Array<[title: string, source: Source<string>, told: string[], error: object]> = [
    ['throws when it is called', () => { throw inner }, [], { message: inner.message }],
    ['throws before the first item', async function * () { throw inner }, [], { message: inner.message }],
    ['throws after two items', async function * () { yield 'one'; yield 'two'; throw inner }, ['one', 'two'], { message: inner.message }],
    ['throws synchronously in `next`', () => ({ [Symbol.asyncIterator]: () => ({ next: () => { throw inner } }) }), [], { message: inner.message }],
    ['rejects in `next`', () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(inner) }) }), [], { message: inner.message }],
    ['throws in `Symbol.asyncIterator`', () => ({ [Symbol.asyncIterator]: () => { throw inner } }), [], { message: inner.message }],
    ['is a failing Readable', () => new Readable({ objectMode: true, read () { this.destroy(inner) } }), [], { message: inner.message }],
    ['yields an invalid payload', async function * () { yield 'one'; yield { password: 'swordfish' } as never }, ['one'], { code: 'FST_SSE_PAYLOAD_INVALID' }],
    ['returns a number', (() => 7) as never, [], { code: 'FST_SSE_SOURCE_INVALID' }],
    ['returns undefined', (() => undefined) as never, [], { code: 'FST_SSE_SOURCE_INVALID' }],
    ['returns an array', (() => ['one']) as never, [], { code: 'FST_SSE_SOURCE_INVALID' }],
    ['returns a promise of an array', (async () => ['one']) as never, [], { code: 'FST_SSE_SOURCE_INVALID' }],
    ['rejects instead of resolving with an iterable', async () => { throw inner }, [], { message: inner.message }],
    ['is an iterable, not a function', three() as never, [], { code: 'FST_SSE_SOURCE_INVALID' }],
    ['is undefined', undefined as never, [], { code: 'FST_SSE_SOURCE_INVALID' }]
  ]
  for (const [title, source, items, error] of failing) {
    for (const end of [true, false]) {
      t.test(`${title} is logged once, sends \`sse.error\`, and ${end ? 'ends the stream with `sse.close`' : 'leaves the stream open with `end: false`'}`, async (t) => {
        const outcomes: Outcomes = []
        const options: StreamOptions = end ? {} : { end: false }
        const { app, port, opened, closes, logged } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', source, options)))
        const reader = await open(t, port, 'GET /stream')
        await reader.seesEvents('sse.error')
        await until(() => outcomes.length === 1)
        t.match(outcomes, [error])
        if ('message' in error && !title.includes('Readable')) t.equal(outcomes[0], inner)
        t.equal(logged.length, 1)
        t.match(logged, [{ level: 50, event: 'message', err: error }])
        if (end) {
          await reader.sees(({ answers }) => answers[0]!.complete)
          t.strictSame(told(reader), [...items, 'sse.error', 'sse.close'])
          t.strictSame(reader.events.at(-1), { id: 'sse.final', event: 'sse.close', data: '{"reason":"error"}' })
          await until(() => app.sse.count() === 0)
          t.strictSame(closes, ['error'])
        } else {
          t.equal(await opened[0]!.send('message', 'still here'), true)
          await reader.sees((reader) => told(reader).includes('still here'))
          t.strictSame(told(reader), [...items, 'sse.error', 'still here'])
          t.equal(app.sse.count(), 1)
        }
        const failure = reader.events.find(({ event }) => event === 'sse.error')
        t.strictSame(failure, { id: undefined, event: 'sse.error', data: '{}' })
        t.notMatch(reader.bytes.toString(), /swordfish|FST_SSE|Error/)
      })
    }
  }

  t.test('yields an invalid payload has its `return` called', async (t) => {
    const observed = new ObservedSource(async () => 7 as never)
    const outcomes: Outcomes = []
    const { port } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', observed.source)))
    await (await open(t, port, 'GET /stream')).seesEvents('sse.error')
    await until(() => outcomes.length === 1)
    t.equal(observed.returns, 1)
  })

  t.test('fails causes no unhandled rejection if the stream is not awaited', async (t) => {
    const { port, opened, logged } = await start(t)
    const reader = await open(t, port)
    void opened[0]!.stream('message', () => { throw inner })
    void opened[0]!.stream('nothing' as 'message', three)
    await reader.sees(({ answers }) => answers[0]!.complete)
    await turn()
    t.equal(logged.length, 2, 'each is logged')
  })

  t.test('is streamed with unknown or invalid options is not called', async (t) => {
    const observed = new ObservedSource(async () => 'item')
    const { app, port, opened } = await start(t)
    await open(t, port)
    await t.rejects(opened[0]!.stream('message', observed.source, { final: true } as never), { code: 'FST_SSE_OPTION_UNKNOWN' })
    await t.rejects(opened[0]!.stream('message', observed.source, { end: 'yes' } as never), { code: 'FST_SSE_OPTION_INVALID' })
    t.equal(observed.calls, 0)
    t.equal(app.sse.count(), 1)
  })
})

t.test('two concurrent streams to one subscriber deliver all items in order, and the first that ends the stream ends both', async (t) => {
  const { port, opened, logged } = await start(t)
  const reader = await open(t, port)
  const numbered = (name: string) => async function * (): AsyncGenerator<string> {
    for (let n = 0; n < 20; n++) {
      if (n % 3 === 0) await turn()
      yield `${name} ${n}`
    }
  }
  t.strictSame(await Promise.all(['a', 'b'].map((name) => opened[0]!.stream('message', numbered(name), { end: false }))), [true, true])
  await reader.seesEvents(undefined, 40)
  for (const name of ['a', 'b']) {
    t.strictSame(told(reader).filter((text) => text.startsWith(name)), Array.from({ length: 20 }, (_, n) => `${name} ${n}`))
  }
  const observed = new ObservedSource((n) => n === 0 ? Promise.resolve('first') : new Promise(() => {}))
  const endless = opened[0]!.stream('message', observed.source)
  t.equal(await opened[0]!.stream('message', three), true)
  t.equal(await endless, false)
  t.equal(observed.returns, 1)
  await reader.sees(({ answers }) => answers[0]!.complete)
  t.equal(told(reader).at(-1), 'sse.close')
  t.equal(told(reader).filter((text) => text === 'sse.close').length, 1)
  t.strictSame(logged, [])
})

t.test('a Readable', async (t) => {
  t.test('serves as a source', async (t) => {
    const outcomes: Outcomes = []
    const { port } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', () => Readable.from(['one', 'two', 'three']))))
    const reader = await open(t, port, 'GET /stream')
    await reader.sees(({ answers }) => answers[0]!.complete)
    t.strictSame(told(reader), COMPLETE)
    await until(() => outcomes.length === 1)
    t.strictSame(outcomes, [true])
  })

  const silent: Array<[title: string, first: string[]]> = [['before its first item', []], ['between two items', ['item']]]
  for (const [title, first] of silent) {
    t.test(`that is silent ${title} is destroyed when its reader leaves`, async (t) => {
      const outcomes: Outcomes = []
      const readable = new PassThrough({ objectMode: true })
      for (const item of first) readable.write(item)
      const { port } = await start(t, streaming(outcomes, (subscriber) => subscriber.stream('message', () => readable)))
      const reader = await open(t, port, 'GET /stream')
      if (first.length > 0) await reader.seesEvents(undefined)
      for (let n = 0; n < 20; n++) await turn()
      reader.socket.destroy()
      await until(() => outcomes.length === 1)
      for (let n = 0; n < 20; n++) await turn()
      t.strictSame(outcomes, [false])
      t.ok(readable.destroyed)
    })
  }

  t.test('that waits for its reader is destroyed when the reader leaves', async (t) => {
    const outcomes: Outcomes = []
    const readable = new Readable({ objectMode: true, read () { this.push('x'.repeat(500_000)) } })
    const { port } = await start(t, { ...streaming(outcomes, (subscriber) => subscriber.stream('message', () => readable)), options: { maxBacklogBytes: 1000 } })
    const reader = await open(t, port, 'GET /stream')
    reader.socket.pause()
    for (let n = 0; n < 100; n++) await turn()
    reader.socket.destroy()
    await until(() => outcomes.length === 1)
    await until(() => readable.destroyed)
    t.strictSame(outcomes, [false])
  })
})

t.test('`close` keeps its place after all that was placed before it, and nothing follows it:', async (t) => {
  for (const [title, options, last] of [['without options', undefined, []], ['final', { final: true }, ['sse.close']]] as const) {
    for (const stalled of [false, true]) {
      t.test(`${title}, with a reader that ${stalled ? 'is behind' : 'reads'}`, async (t) => {
        const journey = await start(t, { options: { maxBacklogBytes: 1000 } })
        const { app, port, opened, closes } = journey
        const reader = await open(t, port)
        if (stalled) await stall(journey, reader)
        void app.sse.broadcast('message', 'a')
        void opened[0]!.send('message', 'b')
        opened[0]!.close(options)
        opened[0]!.close({ final: true })
        void app.sse.broadcast('message', 'c')
        t.equal(await opened[0]!.send('message', 'd'), false)
        t.equal(app.sse.count(), 1, 'it counts until the response closes')
        reader.socket.resume()
        await reader.sees(({ answers }) => answers[0]!.complete)
        t.strictSame(told(reader).filter((text) => !text.startsWith('x')), ['a', 'b', ...last])
        if (last.length > 0) t.strictSame(reader.events.at(-1), { id: 'sse.final', event: 'sse.close', data: '{"reason":"ended"}' })
        t.equal(await opened[0]!.closed, 'ended')
        t.strictSame(closes, ['ended'])
      })
    }
  }

  t.test('it throws for unknown or invalid options', async (t) => {
    const { app, port, opened } = await start(t)
    await open(t, port)
    t.throws(() => opened[0]!.close({ final: 'yes' } as never), { code: 'FST_SSE_OPTION_INVALID' })
    t.throws(() => opened[0]!.close({ reason: 'x' } as never), { code: 'FST_SSE_OPTION_UNKNOWN' })
    await turn()
    t.equal(app.sse.count(), 1)
  })
})

t.test('`setReconnectionTime` keeps its place among events', async (t) => {
  const { app, port, opened } = await start(t, { options: { history: false } })
  const reader = await open(t, port)
  void app.sse.broadcast('message', 'a')
  app.sse.setReconnectionTime(1234)
  void opened[0]!.send('message', 'b')
  app.sse.setReconnectionTime({ min: 77, max: 77 })
  void app.sse.broadcast('message', 'c')
  opened[0]!.close()
  app.sse.setReconnectionTime(55)
  await reader.sees(({ answers }) => answers[0]!.complete)
  const lines = reader.answers[0]!.body.split('\n').filter((line) => /^(retry|data): (?!\{)/.test(line)).slice(1)
  // Reconnection times that wait together merge: the newest is written, at the place of the first.
  t.strictSame(lines, ['data: a', 'retry: 77', 'data: b', 'data: c'])
  const next = await open(t, port)
  t.match(next.answers[0]!.body, /^retry: 55\n/)
})
