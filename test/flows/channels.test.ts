import { connect as connectHttp2 } from 'node:http2'
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import ssePlugin, { EVERYBODY, type CloseReason, type SsePluginOptions, type SubscribeOptions, type Subscriber } from '../../plugin.ts'
import { gate, listen, RawReader, turn, until, type RawAnswer } from './raw-reader.ts'

interface LogLine { readonly level: number, readonly msg: string, readonly err?: { readonly code?: string, readonly message: string } }

interface Journey {
  readonly app: FastifyInstance
  readonly port: number
  /** Every subscriber whose stream opened, in order. */
  readonly opened: Subscriber[]
  readonly closes: Array<[subscriber: Subscriber, reason: CloseReason]>
  /** Log lines at `warn` and above. */
  readonly logged: LogLine[]
}

interface Setup {
  readonly options?: Omit<SsePluginOptions, 'prefix'>
  readonly before?: (app: FastifyInstance) => unknown
  /** Declares further routes. */
  readonly after?: (app: FastifyInstance) => unknown
  readonly server?: object
}

/** The channels that a request asks for: `?channels=a,b`, or none: `?channels=`. */
function asked (request: FastifyRequest): SubscribeOptions {
  const channels = new URL(request.url, 'http://localhost').searchParams.get('channels')
  if (channels === null) return {}
  return { channels: channels === '' ? [] : channels.split(',') }
}

async function start (t: Test, { options = {}, before = () => {}, after = () => {}, server = {} }: Setup = {}): Promise<Journey> {
  const logged: LogLine[] = []
  const opened: Subscriber[] = []
  const closes: Journey['closes'] = []
  const app = Fastify({ ...server, logger: { level: 'warn', stream: { write: (line: string) => { logged.push(JSON.parse(line)) } } } }) as FastifyInstance
  await before(app)
  await app.register(ssePlugin, {
    subscribe: asked,
    onSubscribe: (subscriber) => { opened.push(subscriber) },
    onClose: (subscriber, reason) => { closes.push([subscriber, reason]) },
    ...options
  })
  app.get('/plain', async () => 'plain')
  await after(app)
  return { app, port: await listen(t, app), opened, closes, logged }
}

async function open (t: Test, port: number, request: string): Promise<RawReader> {
  return (await RawReader.connect(t, port)).ask(request).seesEvents('sse.open')
}

/** A complete response, or the beginning of an event stream, up to `sse.open`. */
async function ask (t: Test, port: number, request: string): Promise<RawAnswer> {
  const reader = await RawReader.connect(t, port)
  await reader.ask(request).sees(({ answers: [answer] }) => answer?.complete === true || answer?.body.includes('sse.open') === true)
  return reader.answers[0]!
}

/** The data of the unnamed events. */
function texts ({ events }: RawReader): string[] {
  return events.filter(({ event }) => event === undefined).map(({ data }) => data)
}

let marks = 0

/** The unnamed events that each reader has received, once everything placed before this call is written. */
async function heard ({ app }: Journey, ...readers: RawReader[]): Promise<string[][]> {
  const mark = `mark.${++marks}`
  for (const subscriber of app.sse.subscribers()) void subscriber.send(mark, null)
  await Promise.all(readers.map((reader) => reader.seesEvents(mark)))
  return readers.map(texts)
}

/** Publishes to one channel until a history of 2,000 bytes holds nothing else. */
async function flood (app: FastifyInstance, channel = 'loud'): Promise<void> {
  for (let n = 0; n < 10; n++) await app.sse.broadcast('message', 'x'.repeat(900), { channels: channel })
}

const SMALL = { history: { maxBytes: 2000 } }

const ways: Array<[way: string, url: string]> = [
  ['the option `subscribe`', '/events'],
  ['`app.sse.subscribe` in an application route', '/own']
]

for (const [way, url] of ways) {
  t.test(`a subscriber hears exactly the channels given by ${way}`, async (t) => {
    const journey = await start(t, { after: (app) => app.get('/own', async (request, reply) => { await app.sse.subscribe(reply, asked(request)) }) })
    const { app, port } = journey
    const sets = [undefined, 'a', 'a,b', `${EVERYBODY},a`, 'b,b,b', '']
    const readers = await Promise.all(sets.map((set) => open(t, port, `GET ${url}${set === undefined ? '' : `?channels=${set}`}`)))
    const published: Array<[text: string, channels: string | string[] | undefined]> = [
      ['to everybody', undefined],
      ['to everybody by name', EVERYBODY],
      ['to a', 'a'],
      ['to a in a list', ['a']],
      ['to b', 'b'],
      ['to a and b', ['a', 'b']],
      ['to a twice', ['a', 'a']],
      ['to a and everybody', ['a', EVERYBODY]],
      ['to c', 'c'],
      ['to nobody', []]
    ]
    for (const [text, channels] of published) void app.sse.broadcast('message', text, channels === undefined ? {} : { channels })
    const everybody = ['to everybody', 'to everybody by name', 'to a and everybody']
    const a = ['to a', 'to a in a list', 'to a and b', 'to a twice', 'to a and everybody']
    t.strictSame(await heard(journey, ...readers), [
      everybody,
      a,
      ['to a', 'to a in a list', 'to b', 'to a and b', 'to a twice', 'to a and everybody'],
      ['to everybody', 'to everybody by name', ...a],
      ['to b', 'to a and b'],
      []
    ])
    t.strictSame(journey.logged, [])
  })
}

t.test('an asynchronous `subscribe` that resolves to undefined leaves the default channel', async (t) => {
  const journey = await start(t, { options: { subscribe: async () => undefined } })
  const reader = await open(t, journey.port, 'GET /events')
  void journey.app.sse.broadcast('message', 'a')
  t.strictSame(await heard(journey, reader), [['a']])
})

t.test('`subscriber.context` is the `context` that `subscribe` returned', async (t) => {
  const context = { name: 'Ada' }
  const journey = await start(t, { options: { subscribe: () => ({ context }) } })
  await open(t, journey.port, 'GET /events')
  t.equal(journey.opened[0]!.context, context)
})

t.test('`app.sse.channel(name)`', async (t) => {
  t.test('exposes its name and throws for an invalid one', async (t) => {
    const { app } = await start(t)
    t.equal(app.sse.channel('orders/7').name, 'orders/7')
    t.throws(() => app.sse.channel(''), { code: 'FST_SSE_CHANNEL_INVALID' })
    t.throws(() => app.sse.channel(7 as never), { code: 'FST_SSE_CHANNEL_INVALID' })
  })

  t.test('broadcasts to its subscribers alone and rejects the option `channels`', async (t) => {
    const journey = await start(t)
    const { app, port } = journey
    const readers = [await open(t, port, 'GET /events?channels=a'), await open(t, port, 'GET /events?channels=b'), await open(t, port, 'GET /events')]
    const a = app.sse.channel('a')
    const { id } = await a.broadcast('message', 'one')
    t.equal(id, app.sse.lastEventId)
    t.strictSame(await a.broadcast('message', 'two', { id: 'two' }), { id: `two@${app.sse.lastEventId!}` })
    t.strictSame(await a.broadcast('message', 'three', { ephemeral: true }), { id: null })
    await t.rejects(a.broadcast('message', 'to b', { channels: 'b' } as object), { code: 'FST_SSE_OPTION_UNKNOWN', message: /"broadcast"/ })
    await a.broadcast('message', 'four')
    t.strictSame(await heard(journey, ...readers), [['one', 'two', 'three', 'four'], [], []])
    await app.sse.channel(EVERYBODY).broadcast('message', 'all')
    t.strictSame((await heard(journey, ...readers)).map((all) => all.at(-1)), ['four', undefined, 'all'])
  })

  t.test('returns a snapshot of its subscribers: a loop in which they leave and rejoin ends', async (t) => {
    const { app, port, opened } = await start(t)
    for (let n = 0; n < 3; n++) await open(t, port, 'GET /events?channels=a')
    for (const list of [app.sse.channel('a').subscribers(), app.sse.subscribers('a'), app.sse.subscribers()]) {
      let looks = 0
      for (const subscriber of list) {
        subscriber.leave('a')
        subscriber.join('a')
        if (++looks > 3) break
      }
      t.equal(looks, 3)
      for (const subscriber of list) subscriber.leave('a')
      t.strictSame([...list], opened, 'the snapshot can be iterated again')
      for (const subscriber of opened) subscriber.join('a')
    }
    for (const name of opened[0]!.channels) {
      opened[0]!.leave(name)
      opened[0]!.join('b')
      opened[0]!.join('c')
    }
    t.strictSame(opened[0]!.channels, ['b', 'c'])
  })

  t.test('counts and lists its subscribers as they connect, join, leave and disconnect', async (t) => {
    const { app, port, opened } = await start(t)
    const a = app.sse.channel('a')
    const everybody = app.sse.channel(EVERYBODY)
    const inA = (): number[] => [...a.subscribers()].map((subscriber) => opened.indexOf(subscriber))
    t.strictSame([a.count(), everybody.count(), app.sse.count()], [0, 0, 0])
    const reader = await open(t, port, 'GET /events?channels=a,b')
    await open(t, port, 'GET /events')
    await open(t, port, 'GET /events?channels=')
    t.strictSame([a.count(), everybody.count(), app.sse.count(EVERYBODY), app.sse.count()], [1, 1, 1, 3])
    t.strictSame(inA(), [0])
    opened[2]!.join('a')
    opened[2]!.join('a')
    t.strictSame([a.count(), inA(), [...app.sse.subscribers('a')].length], [2, [0, 2], 2])
    opened[2]!.leave('a')
    opened[1]!.leave('a')
    t.strictSame([a.count(), inA()], [1, [0]])
    t.strictSame([...app.sse.subscribers()], opened)
    reader.socket.destroy()
    await until(() => app.sse.count() === 2)
    t.strictSame([a.count(), inA(), app.sse.count('b')], [0, [], 0])
    t.equal(app.sse.stats().channels, 1, 'a channel without subscribers is not counted')
  })

  t.test('disconnects all its subscribers, or those that a predicate selects', async (t) => {
    const { app, port, opened, closes } = await start(t)
    for (const set of ['a', 'a,b', 'b', EVERYBODY]) await open(t, port, `GET /events?channels=${set}`)
    t.equal(await app.sse.channel('a').disconnect((subscriber) => subscriber === opened[1]), 1)
    await until(() => app.sse.count() === 3)
    t.equal(await app.sse.channel('a').disconnect(), 1)
    await until(() => app.sse.count() === 2)
    t.strictSame(closes, [[opened[1], 'revoked'], [opened[0], 'revoked']])
    t.equal(await app.sse.channel('nobody').disconnect(), 0)
    t.equal(app.sse.count(), 2)
  })
})

t.test('one event ID resumes all channels of a reader that reconnects', async (t) => {
  const journey = await start(t)
  const { app, port } = journey
  const first = await open(t, port, 'GET /events?channels=a,b')
  for (const channel of ['a', 'b', 'a']) void app.sse.channel(channel).broadcast('message', `${channel} before`)
  await heard(journey, first)
  const { id } = first.events.filter(({ id }) => id !== undefined).at(-1)!
  first.socket.destroy()
  await until(() => app.sse.count() === 0)
  for (const channel of ['b', 'c', 'a', EVERYBODY, 'b']) void app.sse.channel(channel).broadcast('message', `${channel} after`)
  void app.sse.broadcast('message', 'both after', { channels: ['b', 'a'] })
  const again = await open(t, port, `GET /events?channels=a,b\nlast-event-id: ${id}`)
  t.strictSame(await heard(journey, again), [['b after', 'a after', 'b after', 'both after']])
  t.equal(again.events[0]!.id, id)
})

t.test('on a quiet channel', async (t) => {
  for (const [title, others] of [['with another subscriber', 1], ['with no other subscriber', 0]] as const) {
    t.test(`${title}, a reader that has every event gets no gap, although the rest of the history was evicted`, async (t) => {
      const journey = await start(t, { options: SMALL })
      const { app, port } = journey
      for (let n = 0; n < others; n++) await open(t, port, 'GET /events?channels=quiet')
      const reader = await open(t, port, 'GET /events?channels=quiet')
      const { id } = await app.sse.channel('quiet').broadcast('message', 'last')
      await heard(journey, reader)
      reader.socket.destroy()
      await until(() => app.sse.count() === others)
      await flood(app)
      const again = await open(t, port, `GET /events?channels=quiet\nlast-event-id: ${id}`)
      void app.sse.channel('quiet').broadcast('message', 'next')
      t.strictSame(await heard(journey, again), [['next']])
      t.strictSame(again.events.map(({ event }) => event).slice(0, 2), ['sse.open', undefined])
      t.notOk(again.answers[0]!.headers['sse-gap'])
    })

    t.test(`${title}, a reader that lost one event gets a gap, and a reader of another channel gets none`, async (t) => {
      const journey = await start(t, { options: SMALL })
      const { app, port } = journey
      for (let n = 0; n < others; n++) await open(t, port, 'GET /events?channels=quiet')
      const { id } = await app.sse.channel('quiet').broadcast('message', 'had')
      await app.sse.channel('quiet').broadcast('message', 'lost')
      await flood(app)
      const reader = await open(t, port, `GET /events?channels=quiet\nlast-event-id: ${id}`)
      await reader.seesEvents('sse.gap')
      t.match(JSON.parse(reader.events[1]!.data), { reason: 'evicted', lastEventId: id })
      t.strictSame(reader.answers[0]!.headers['sse-gap'], ['evicted'])
      const other = await open(t, port, `GET /events?channels=other\nlast-event-id: ${id}`)
      t.strictSame(await heard(journey, other), [[]])
      t.notOk(other.events.some(({ event }) => event === 'sse.gap'))
    })
  }
})

t.test('channels are granted when a reader connects:', async (t) => {
  const rights = new Map<string, string[]>()
  const granting: Setup = { options: { subscribe: (request) => ({ channels: rights.get((request.query as { user: string }).user)! }) } }

  t.test('a channel that was revoked is not replayed', async (t) => {
    const journey = await start(t, granting)
    const { app, port } = journey
    rights.set('ada', ['a', 'b'])
    const reader = await open(t, port, 'GET /events?user=ada')
    const { id } = await app.sse.broadcast('message', 'both', { channels: ['a', 'b'] })
    await heard(journey, reader)
    reader.socket.destroy()
    await until(() => app.sse.count() === 0)
    await app.sse.channel('a').broadcast('message', 'secret')
    await app.sse.channel('b').broadcast('message', 'still b')
    rights.set('ada', ['b'])
    const again = await open(t, port, `GET /events?user=ada\nlast-event-id: ${id}`)
    await app.sse.channel('a').broadcast('message', 'secret too')
    await app.sse.channel('b').broadcast('message', 'b live')
    t.strictSame(await heard(journey, again), [['still b', 'b live']])
    t.notMatch(again.bytes.toString(), 'secret')
  })

  t.test('a channel that was added is replayed from the last event ID on', async (t) => {
    const journey = await start(t, granting)
    const { app, port } = journey
    rights.set('ada', ['a'])
    await app.sse.channel('b').broadcast('message', 'b before')
    const reader = await open(t, port, 'GET /events?user=ada')
    const { id } = await app.sse.channel('a').broadcast('message', 'a')
    await heard(journey, reader)
    await app.sse.channel('b').broadcast('message', 'b after')
    t.strictSame(await heard(journey, reader), [['a']])
    rights.set('ada', ['a', 'b'])
    const again = await open(t, port, `GET /events?user=ada\nlast-event-id: ${id}`)
    t.strictSame(await heard(journey, again), [['b after']])
  })
})

t.test('joining and leaving channels', async (t) => {
  t.test('takes effect in order among the events of one turn', async (t) => {
    const journey = await start(t)
    const { app, port, opened } = journey
    const reader = await open(t, port, 'GET /events?channels=a')
    const other = await open(t, port, 'GET /events?channels=a,b')
    const [subscriber] = opened
    const publish = (channel: string, text: string): void => { void app.sse.channel(channel).broadcast('message', text) }
    publish('b', 'b1')
    publish('a', 'a1')
    subscriber!.join('b')
    t.strictSame(subscriber!.channels, ['a', 'b'])
    publish('b', 'b2')
    publish('a', 'a2')
    subscriber!.leave('a')
    publish('a', 'a3')
    publish('b', 'b3')
    subscriber!.join('a')
    publish('a', 'a4')
    const [mine, all] = await heard(journey, reader, other)
    t.strictSame(mine, ['b2', 'b3', 'a4'], 'after `leave` no event of the channel is written')
    t.strictSame(all, ['b1', 'a1', 'b2', 'a2', 'a3', 'b3', 'a4'])
  })

  t.test('takes effect in order while the socket accepts no bytes', async (t) => {
    const journey = await start(t, { options: { maxBacklogBytes: 1000 } })
    const { app, port, opened } = journey
    const reader = await open(t, port, 'GET /events?channels=a')
    const [subscriber] = opened
    reader.socket.pause()
    // More than any kernel buffers.
    while (subscriber!.lag < 3) {
      void app.sse.channel('a').broadcast('filling', 'x'.repeat(500_000))
      await turn()
    }
    const publish = (channel: string, text: string): void => { void app.sse.channel(channel).broadcast('message', text) }
    publish('b', 'b1')
    subscriber!.join('b')
    publish('b', 'b2')
    publish('a', 'a1')
    await turn()
    subscriber!.leave('a')
    publish('b', 'b3')
    const before = app.sse.stats().deliveries
    reader.socket.resume()
    t.strictSame(await heard(journey, reader), [['b2', 'b3']])
    t.equal(app.sse.stats().deliveries - before, 2, 'the lagging events of the channel that was left are not written')
  })

  t.test('loses and duplicates no event in 300 rounds while events are published', async (t) => {
    const journey = await start(t)
    const { app, port, opened } = journey
    const reader = await open(t, port, 'GET /events?channels=always')
    const [subscriber] = opened
    const expected: string[] = []
    for (let n = 0; n < 300; n++) {
      await turn()
      void app.sse.broadcast('message', `both ${n}`, { channels: ['b', 'always'] })
      subscriber!.join('b')
      void app.sse.channel('b').broadcast('message', `heard ${n}`)
      while (subscriber!.lag > 0) await turn()
      void app.sse.channel('b').broadcast('message', `not written ${n}`)
      void app.sse.channel('always').broadcast('message', `always ${n}`)
      subscriber!.leave('b')
      void app.sse.channel('b').broadcast('message', `not heard ${n}`)
      expected.push(`both ${n}`, `heard ${n}`, `always ${n}`)
    }
    t.strictSame(await heard(journey, reader), [expected])
    t.notOk(reader.events.some(({ event }) => event === 'sse.gap'))
    t.equal(app.sse.count('b'), 0)
  })

  t.test('throws and changes nothing for an invalid channel, or for one too many', async (t) => {
    const { app, port, opened } = await start(t, { options: { maxChannelsPerSubscriber: 2 } })
    await open(t, port, 'GET /events?channels=a')
    const [subscriber] = opened
    t.throws(() => subscriber!.join('a\nb'), { code: 'FST_SSE_CHANNEL_INVALID' })
    subscriber!.join('b')
    t.throws(() => subscriber!.join('c'), { code: 'FST_SSE_CHANNELS_EXCEEDED' })
    subscriber!.leave('nothing')
    t.strictSame(subscriber!.channels, ['a', 'b'])
    t.strictSame([app.sse.count('a'), app.sse.count('b'), app.sse.count('c')], [1, 1, 0])
  })
})

t.test('an invalid list of channels:', async (t) => {
  const long = 'x'.repeat(256)
  const refused: Array<[title: string, channels: unknown, code: string]> = [
    ['a name of 257 characters', [`${long}x`], 'FST_SSE_CHANNEL_INVALID'],
    ['an empty name', ['a', ''], 'FST_SSE_CHANNEL_INVALID'],
    ['a line feed', ['a\nb'], 'FST_SSE_CHANNEL_INVALID'],
    ['NUL', ['a\0'], 'FST_SSE_CHANNEL_INVALID'],
    ['DEL', ['a\x7f'], 'FST_SSE_CHANNEL_INVALID'],
    ['a Latin-1 control character', ['a\x85'], 'FST_SSE_CHANNEL_INVALID'],
    ['a number', [7], 'FST_SSE_CHANNEL_INVALID'],
    ['undefined', [undefined], 'FST_SSE_CHANNEL_INVALID'],
    ['three channels where two are allowed', ['a', 'b', 'c'], 'FST_SSE_CHANNELS_EXCEEDED'],
    ['a string where an array is required', 'a', 'FST_SSE_OPTION_INVALID'],
    ['null', null, 'FST_SSE_OPTION_INVALID']
  ]
  for (const [title, channels, code] of refused) {
    for (const [way, url] of ways) {
      t.test(`${title}, given by ${way}, causes a JSON response with 500 and no subscriber`, async (t) => {
        const rejections: unknown[] = []
        const options = { channels } as SubscribeOptions
        const { app, port, opened } = await start(t, {
          options: { maxChannelsPerSubscriber: 2, subscribe: () => options },
          after: (app) => app.get('/own', async (_request, reply) => {
            await app.sse.subscribe(reply, options).catch((error: unknown) => {
              rejections.push(error)
              throw error
            })
          })
        })
        const answer = await ask(t, port, `GET ${url}`)
        t.equal(answer.status, 500)
        t.match(answer.headers['content-type']?.[0], 'application/json')
        t.equal(JSON.parse(answer.body).code, code)
        t.notOk(answer.headers['x-accel-buffering'])
        t.strictSame(answer.headers['cache-control'], url === '/own' ? undefined : ['no-store'])
        if (url === '/own') t.match(rejections, [{ code }])
        t.strictSame([app.sse.count(), app.sse.stats().channels, app.sse.stats().views, opened.length], [0, 0, 0, 0])
      })
    }
  }

  t.test('a broadcast to it rejects and reaches no subscriber', async (t) => {
    const journey = await start(t)
    const { app, port, logged } = journey
    const reader = await open(t, port, 'GET /events?channels=a')
    const before = app.sse.lastEventId
    for (const [title, channels, code] of refused.filter(([, , code]) => code === 'FST_SSE_CHANNEL_INVALID')) {
      await t.rejects(app.sse.broadcast('message', 'x', { channels: ['a', ...channels as string[]] }), { code }, title)
    }
    await t.rejects(app.sse.broadcast('message', 'x', { channels: 7 as never }), { code: 'FST_SSE_OPTION_INVALID' })
    t.equal(app.sse.lastEventId, before)
    t.equal(logged.length, 9)
    t.strictSame(await heard(journey, reader), [[]])
  })

  t.test('names of 256 characters, odd but printable names, and the maximum number of channels are valid', async (t) => {
    const names = [long, '__proto__', 'constructor', ' ', '\u{1f600}', '\u2028']
    const journey = await start(t, { options: { maxChannelsPerSubscriber: names.length, subscribe: () => ({ channels: [...names, ...names] }) } })
    const { app, port } = journey
    const reader = await open(t, port, 'GET /events')
    for (const name of names) {
      t.equal(app.sse.count(name), 1)
      await app.sse.channel(name).broadcast('message', name)
    }
    t.strictSame(await heard(journey, reader), [names])
  })
})

t.test('the header `sse-gap`', async (t) => {
  const GOOD = 'https://good.example.test'
  const GAP = '?lastEventId=nonsense'

  t.test('holds the reason of the gap at the start of the stream, for GET and HEAD', async (t) => {
    const journey = await start(t, { options: SMALL, after: (app) => app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) }) })
    const { app, port } = journey
    const { id: evicted } = await app.sse.broadcast('message', 'first')
    await app.sse.broadcast('message', 'lost')
    await flood(app, EVERYBODY)
    const foreign = (await start(t)).app.sse.lastEventId!
    const [epoch, offset] = app.sse.lastEventId!.split('.')
    const reasons: Array<[reason: string, id: string]> = [
      ['evicted', evicted!],
      ['foreign', foreign],
      ['unknown', 'nonsense'],
      ['future', `${epoch}.${Number(offset) + 1000}`]
    ]
    for (const url of ['/events', '/own']) {
      for (const [reason, id] of reasons) {
        const reader = await open(t, port, `GET ${url}\nlast-event-id: ${id}`)
        await reader.seesEvents('sse.gap')
        t.equal(JSON.parse(reader.events[1]!.data).reason, reason)
        t.strictSame(reader.answers[0]!.headers['sse-gap'], [reason], `GET ${url}`)
        t.strictSame((await ask(t, port, `HEAD ${url}?lastEventId=${id}`)).headers['sse-gap'], [reason], `HEAD ${url}`)
      }
      for (const request of [url, `${url}?lastEventId=${app.sse.lastEventId}`]) {
        const reader = await open(t, port, `GET ${request}`)
        await heard(journey, reader)
        t.notOk(reader.events.some(({ event }) => event === 'sse.gap'))
        t.notOk(reader.answers[0]!.headers['sse-gap'], `GET ${request}`)
        t.notOk((await ask(t, port, `HEAD ${request}`)).headers['sse-gap'], `HEAD ${request}`)
      }
    }
  })

  const host: FastifyCorsOptions = { origin: [GOOD], exposedHeaders: ['x-host', 'x-other'] }
  const registered: Array<[title: string, Setup, exposed: string | undefined]> = [
    ['by default', {}, undefined],
    ['with the option `cors`', { options: { cors: { origin: [GOOD], credentials: true } } }, undefined],
    ['with `cors.exposedHeaders`', { options: { cors: { origin: [GOOD], exposedHeaders: ['x-ours', 'x-more'] } } }, 'x-ours, x-more'],
    ['with `Access-Control-Expose-Headers` from `headers`', { options: { headers: () => ({ 'Access-Control-Expose-Headers': 'x-ours' }) } }, 'x-ours'],
    ['with the host\'s @fastify/cors registered before the plugin', { before: (app) => app.register(cors, host) }, 'x-host, x-other'],
    ['with the host\'s @fastify/cors registered after the plugin', { after: (app) => app.register(cors, host) }, 'x-host, x-other'],
    ['with the host\'s registered before, and `cors.exposedHeaders`', { options: { cors: { origin: [GOOD], exposedHeaders: 'x-ours' } }, before: (app) => app.register(cors, host) }, 'x-ours'],
    ['with the host\'s registered after, and `cors.exposedHeaders`', { options: { cors: { origin: [GOOD], exposedHeaders: 'x-ours' } }, after: (app) => app.register(cors, host) }, 'x-ours']
  ]
  for (const [title, setup, exposed] of registered) {
    t.test(`is exposed to other origins exactly when there is a gap, ${title}`, async (t) => {
      const { port } = await start(t, setup)
      for (const method of ['GET', 'HEAD']) {
        const head = async (query: string): Promise<RawAnswer['headers']> => {
          const reader = await RawReader.connect(t, port)
          return (await reader.ask(`${method} /events${query}\norigin: ${GOOD}`).sees(({ answers }) => answers.length === 1)).answers[0]!.headers
        }
        const gap = await head(GAP)
        t.strictSame(gap['sse-gap'], ['unknown'])
        t.ok(gap['access-control-allow-origin'])
        t.strictSame(gap['access-control-expose-headers'], [exposed === undefined ? 'sse-gap' : `${exposed}, sse-gap`], method)
        const none = await head('')
        t.notOk(none['sse-gap'])
        t.strictSame(none['access-control-expose-headers'], exposed === undefined ? undefined : [exposed], method)
      }
    })
  }

  t.test('adds no CORS headers to an application route, nor to the stream route if `cors` is false', async (t) => {
    const { port } = await start(t, {
      options: { cors: false },
      after: (app) => app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) })
    })
    for (const url of ['/events', '/own']) {
      const { answers: [answer] } = await open(t, port, `GET ${url}${GAP}\norigin: ${GOOD}`)
      t.strictSame(answer!.headers['sse-gap'], ['unknown'])
      t.strictSame(Object.keys(answer!.headers).filter((name) => name.startsWith('access-control')), [])
    }
  })

  t.test('is exposed on an application route that the host opens to other origins', async (t) => {
    const { port } = await start(t, {
      before: (app) => app.register(cors, { origin: [GOOD] }),
      after: (app) => app.get('/own', async (_request, reply) => { await app.sse.subscribe(reply) })
    })
    const { answers: [answer] } = await open(t, port, `GET /own${GAP}\norigin: ${GOOD}`)
    t.strictSame(answer!.headers['access-control-expose-headers'], ['sse-gap'])
    const { answers: [evil] } = await open(t, port, `GET /own${GAP}\norigin: https://evil.test`)
    t.notOk(evil!.headers['access-control-expose-headers'])
  })

  t.test('reports a gap that arises while `onSend` hooks run and none that disappears meanwhile', async (t) => {
    let entered = 0
    const left = gate()
    const { app, port } = await start(t, {
      options: {
        ...SMALL,
        route: {
          onSend: async (_request, _reply, payload) => {
            entered++
            await left.passed
            return payload
          }
        }
      }
    })
    const { id } = await app.sse.broadcast('message', 'had')
    await app.sse.broadcast('message', 'lost')
    const [epoch, offset] = id!.split('.')
    // Ten more events follow: a position ahead of the log is then evicted, or the newest.
    const starts: Array<[after: string | undefined, reason: string | undefined]> = [
      [id!, 'evicted'],
      [undefined, 'evicted'],
      [`${epoch}.${Number(offset) + 5}`, 'evicted'],
      [`${epoch}.${Number(offset) + 11}`, undefined],
      [`${epoch}.${Number(offset) + 12}`, 'future']
    ]
    const readers: RawReader[] = []
    for (const [after] of starts) readers.push((await RawReader.connect(t, port)).ask(`GET /events${after === undefined ? '' : `\nlast-event-id: ${after}`}`))
    await until(() => entered === starts.length)
    await flood(app, EVERYBODY)
    left.open()
    for (const [n, reader] of readers.entries()) {
      await reader.seesEvents('sse.open')
      const [after, reason] = starts[n]!
      t.strictSame(reader.answers[0]!.headers['sse-gap'], reason === undefined ? undefined : [reason], String(after))
      const begins = reader.events[1]?.event === 'sse.gap' ? JSON.parse(reader.events[1].data).reason : undefined
      t.equal(begins, reason)
    }
  })

  t.test('is reserved: a `headers` function that sets it causes FST_SSE_HEADER_INVALID', async (t) => {
    const { port } = await start(t, { options: { headers: () => ({ 'SSE-Gap': 'none' }) } })
    t.equal(JSON.parse((await ask(t, port, 'GET /events')).body).code, 'FST_SSE_HEADER_INVALID')
  })
})

t.test('`disconnect`', async (t) => {
  t.test('ends the selected streams cleanly with the reason `revoked` and resolves with their number', async (t) => {
    const journey = await start(t)
    const { app, port, opened, closes } = journey
    const readers = [await open(t, port, 'GET /events?channels=a'), await open(t, port, 'GET /events?channels=a'), await open(t, port, 'GET /events?channels=b')]
    const [first, second] = opened
    t.equal(await app.sse.disconnect(({ channels }) => channels.includes('a')), 2)
    for (const subscriber of [first, second]) t.equal(await subscriber!.closed, 'revoked')
    t.equal(first!.signal.reason, 'revoked')
    for (const reader of readers.slice(0, 2)) {
      await reader.sees(({ answers }) => answers[0]!.complete)
      t.strictSame(reader.events.map(({ event }) => event), ['sse.open'])
    }
    t.strictSame(closes.map(([subscriber, reason]) => [opened.indexOf(subscriber), reason]), [[0, 'revoked'], [1, 'revoked']])
    t.equal(app.sse.stats().closes.revoked, 2)
    void app.sse.channel('b').broadcast('message', 'on')
    t.strictSame(await heard(journey, readers[2]!), [['on']])
    t.equal(await app.sse.disconnect(() => false), 0)
    await readers[0]!.ask('GET /plain').sees(({ answers }) => answers[1]?.body === 'plain')
  })

  t.test('discards every unwritten event, even one published or sent in the same turn', async (t) => {
    for (const final of [false, true]) {
      const { app, port, opened } = await start(t)
      const reader = await open(t, port, 'GET /events')
      void app.sse.broadcast('message', 'not written')
      const sent = opened[0]!.send('message', 'not sent')
      app.sse.setReconnectionTime(7)
      void app.sse.disconnect(() => true, { final })
      void app.sse.broadcast('message', 'too late')
      t.equal(await sent, false)
      await reader.sees(({ answers }) => answers[0]!.complete)
      t.strictSame(reader.events.map(({ event }) => event), final ? ['sse.open', 'sse.close'] : ['sse.open'])
      t.notMatch(reader.answers[0]!.body, 'retry: 7')
    }
  })

  t.test('discards the unwritten events of a subscriber that is already ending', async (t) => {
    const { app, port, opened } = await start(t)
    const reader = await open(t, port, 'GET /events')
    void app.sse.broadcast('message', 'not written')
    opened[0]!.close()
    void app.sse.disconnect(() => true)
    await reader.sees(({ answers }) => answers[0]!.complete)
    t.strictSame(texts(reader), [])
  })

  t.test('discards the unwritten events of a reader that is behind', async (t) => {
    const { app, port, opened } = await start(t, { options: { maxBacklogBytes: 1000 } })
    const reader = await open(t, port, 'GET /events')
    const [subscriber] = opened
    reader.socket.pause()
    while (subscriber!.lag < 3) {
      void app.sse.broadcast('filling', 'x'.repeat(500_000))
      await turn()
    }
    void app.sse.broadcast('message', 'not written')
    t.equal(await app.sse.disconnect(() => true, { final: true }), 1)
    reader.socket.resume()
    await reader.sees(({ answers }) => answers[0]!.complete)
    t.strictSame(texts(reader), [])
    t.equal(reader.events.at(-1)!.event, 'sse.close')
    t.equal(await subscriber!.closed, 'revoked')
  })

  t.test('logs an error thrown by the predicate and spares that subscriber', async (t) => {
    const journey = await start(t)
    const { app, port, opened, logged } = journey
    const readers = [await open(t, port, 'GET /events'), await open(t, port, 'GET /events'), await open(t, port, 'GET /events')]
    t.equal(await app.sse.disconnect((subscriber) => {
      if (subscriber === opened[1]) throw new Error('who is this?')
      return true
    }), 2)
    await until(() => app.sse.count() === 1)
    t.strictSame([...app.sse.subscribers()], [opened[1]])
    t.match(logged, [{ level: 50, err: { message: 'who is this?' } }])
    t.equal(logged.length, 1)
    void app.sse.broadcast('message', 'spared')
    t.strictSame(await heard(journey, readers[1]!), [['spared']])
  })

  t.test('rejects unknown or invalid options and ends no stream', async (t) => {
    const { app, port } = await start(t)
    await open(t, port, 'GET /events')
    await t.rejects(app.sse.disconnect(() => true, { finally: true } as never), { code: 'FST_SSE_OPTION_UNKNOWN' })
    await t.rejects(app.sse.disconnect(() => true, { final: 1 } as never), { code: 'FST_SSE_OPTION_INVALID' })
    await turn()
    t.equal(app.sse.count(), 1)
  })

  t.test('with `final: true` ends a stream with `sse.close`, whose id is `sse.final`', async (t) => {
    const { app, port } = await start(t)
    const reader = await open(t, port, 'GET /events')
    await app.sse.broadcast('message', 'a')
    await reader.seesEvents(undefined)
    await app.sse.disconnect(() => true, { final: true })
    await reader.sees(({ answers }) => answers[0]!.complete)
    t.strictSame(reader.events.at(-1), { id: 'sse.final', event: 'sse.close', data: '{"reason":"revoked"}' })
    t.strictSame(texts(reader), ['a'])
  })
})

t.test('a reader that returns with the last event ID `sse.final`', async (t) => {
  const returning: Array<[title: string, request: (method: string, url: string) => string]> = [
    ['the header', (method, url) => `${method} ${url}\nlast-event-id: sse.final`],
    ['the query', (method, url) => `${method} ${url}?lastEventId=sse.final`]
  ]
  const routes = (results: Subscriber[], sourced: unknown[] = []) => (app: FastifyInstance): void => {
    const source = async function * (): AsyncGenerator<string> {
      sourced.push('asked')
      yield 'item'
    }
    app.get('/own', async (_request, reply) => { results.push(await app.sse.subscribe(reply)) })
    app.get('/returned', async (_request, reply) => {
      const subscriber = await app.sse.subscribe(reply)
      results.push(subscriber)
      return subscriber
    })
    app.get('/streamed', async (_request, reply) => {
      const subscriber = await app.sse.subscribe(reply, { channels: [] })
      await subscriber.stream('message', source)
      results.push(subscriber)
    })
  }

  for (const url of ['/events', '/own', '/returned', '/streamed']) {
    for (const method of ['GET', 'HEAD']) {
      for (const [title, request] of returning) {
        t.test(`gets 204 after the hooks and no subscriber (${method} ${url}, id in ${title})`, async (t) => {
          const results: Subscriber[] = []
          const sourced: unknown[] = []
          const hooks: string[] = []
          const { app, port, opened, closes, logged } = await start(t, {
            before: (app) => {
              for (const hook of ['onRequest', 'preHandler'] as const) {
                app.addHook(hook, async (request, reply) => {
                  if (request.url !== '/plain') hooks.push(`${hook} of ${request.method}`)
                  reply.header('x-hook', '1')
                })
              }
            },
            after: routes(results, sourced)
          })
          const reader = await RawReader.connect(t, port)
          await reader.ask(request(method, url), 'GET /plain').sees(({ answers }) => answers[1]?.complete === true)
          const [answer, plain] = reader.answers
          t.equal(answer!.status, 204)
          t.strictSame(answer!.headers['x-hook'], ['1'])
          t.strictSame(hooks, [`onRequest of ${method}`, `preHandler of ${method}`])
          t.notOk(answer!.headers['content-type'])
          t.notOk(answer!.headers['x-accel-buffering'])
          t.notOk(answer!.headers['sse-gap'])
          t.equal(plain!.body, 'plain', 'the connection stays open')
          if (url !== '/events') {
            t.equal(results.length, 1)
            t.equal(await results[0]!.closed, 'refused')
            t.equal(await results[0]!.send('message', 'x'), false)
          }
          t.strictSame([opened, closes, logged, sourced], [[], [], [], []])
          t.strictSame([app.sse.count(), app.sse.stats().closes.ended, app.sse.stats().views, app.sse.stats().bytes], [0, 0, 0, 0])
        })
      }
    }
  }

  t.test('gets the 401 of a hook and the 406 for its `Accept` like every other reader', async (t) => {
    const refuse = async (_request: FastifyRequest, reply: FastifyReply): Promise<unknown> => reply.code(401).send({ error: 'who are you?' })
    const { port } = await start(t, {
      options: { route: { preHandler: refuse } },
      after: (app) => {
        app.get('/own', { preHandler: refuse }, async (_request, reply) => { await app.sse.subscribe(reply) })
        app.get('/open', async (_request, reply) => { await app.sse.subscribe(reply) })
      }
    })
    for (const url of ['/events', '/own']) {
      for (const [, request] of returning) t.equal((await ask(t, port, request('GET', url))).status, 401)
    }
    t.equal((await ask(t, port, 'GET /open\nlast-event-id: sse.final\naccept: text/html')).status, 406)
  })

  t.test('gets a stream if its `Last-Event-ID` header holds a newer id than its URL', async (t) => {
    const { app, port } = await start(t)
    const { id } = await app.sse.broadcast('message', 'a')
    const reader = await open(t, port, `GET /events?lastEventId=sse.final\nlast-event-id: ${id}`)
    t.equal(reader.answers[0]!.status, 200)
    t.equal(app.sse.count(), 1)
  })

  t.test('gets its 204 across origins, with CORS headers', async (t) => {
    const { port } = await start(t)
    const answer = await ask(t, port, 'GET /events\nlast-event-id: sse.final\norigin: https://good.example.test')
    t.equal(answer.status, 204)
    t.strictSame(answer.headers['access-control-allow-origin'], ['*'])
  })

  t.test('and leaves while a hook runs lets `subscribe` resolve and logs nothing', async (t) => {
    const results: Subscriber[] = []
    const entered = gate()
    const left = gate()
    const { app, port, logged } = await start(t, {
      after: (app) => {
        app.addHook('preHandler', async () => {
          entered.open()
          await left.passed
        })
        routes(results)(app)
      }
    })
    const closed = new Promise((resolve) => app.server.once('connection', (socket) => socket.once('close', resolve)))
    const reader = (await RawReader.connect(t, port)).ask('GET /own\nlast-event-id: sse.final')
    await entered.passed
    reader.socket.destroy()
    await closed
    left.open()
    for (let n = 0; n < 100 && results.length === 0; n++) await turn()
    t.equal(results.length, 1, '`subscribe` resolves')
    t.strictSame(logged, [])
  })

  t.test('gets `sse.close` and then 204 over HTTP/2', async (t) => {
    const { app, port, opened } = await start(t, { server: { http2: true }, after: routes([]) })
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    t.after(() => session.destroy())
    const request = (headers: object): { head: Promise<Record<string, unknown>>, body: () => string, ended: Promise<void> } => {
      const stream = session.request({ ':path': '/own', ...headers })
      let body = ''
      stream.setEncoding('utf8').on('data', (piece: string) => { body += piece })
      return {
        head: new Promise((resolve) => stream.once('response', resolve)),
        body: () => body,
        ended: new Promise((resolve) => stream.once('end', resolve))
      }
    }
    const first = request({})
    await until(() => first.body().includes('sse.open'))
    t.equal(await app.sse.disconnect(() => true, { final: true }), 1)
    await first.ended
    t.match(first.body(), /\n\nid: sse\.final\nevent: sse\.close\ndata: \{"reason":"revoked"\}\n\n$/)
    for (const method of ['GET', 'HEAD']) {
      for (const headers of [{ 'last-event-id': 'sse.final' }, { ':path': '/own?lastEventId=sse.final' }, { ':path': '/returned', 'last-event-id': 'sse.final' }]) {
        const again = request({ ':method': method, ...headers })
        const head = await again.head
        t.equal(head[':status'], 204)
        t.notOk(head['content-type'])
        await again.ended
        t.equal(again.body(), '')
      }
    }
    t.equal(app.sse.count(), 0)
    t.equal(opened.length, 1)
  })
})

t.test('an error in a listener of the application stays isolated:', async (t) => {
  const failures: Array<[way: string, fail: () => never | Promise<never>]> = [
    ['throws', () => { throw new Error('a listener failed') }],
    ['rejects', async () => { throw new Error('a listener failed') }]
  ]
  for (const [way, fail] of failures) {
    t.test(`if \`onSubscribe\` ${way}, the streams go on`, async (t) => {
      const journey = await start(t, { options: { onSubscribe: fail } })
      const { app, port, logged } = journey
      const readers = [await open(t, port, 'GET /events'), await open(t, port, 'GET /events')]
      void app.sse.broadcast('message', 'a')
      t.strictSame(await heard(journey, ...readers), [['a'], ['a']])
      t.match(logged, [{ level: 50, err: { message: 'a listener failed' } }, { level: 50 }])
    })

    t.test(`if \`onClose\` ${way}, every stream still ends once, and \`closed\` and \`signal\` report it`, async (t) => {
      const { app, port, logged } = await start(t, { options: { onClose: fail } })
      for (let n = 0; n < 5; n++) await open(t, port, 'GET /events')
      const subscribers = [...app.sse.subscribers()]
      const told = subscribers.map(({ closed }) => closed)
      const signals = subscribers.map(({ signal }) => signal)
      t.equal(await app.sse.disconnect(() => true), 5)
      t.strictSame(await Promise.all(told), Array(5).fill('revoked'))
      t.strictSame(signals.map(({ reason }) => reason as unknown), Array(5).fill('revoked'))
      t.equal(app.sse.count(), 0)
      await turn()
      t.equal(logged.length, 5)
    })
  }

  t.test('if a handler of `closed` throws, the other handlers are called', async (t) => {
    const { app, port, opened, closes } = await start(t)
    for (let n = 0; n < 3; n++) await open(t, port, 'GET /events')
    const called: number[] = []
    const failed = opened.map(({ closed }) => closed.then(() => { throw new Error('a handler failed') }))
    for (const [n, { closed }] of opened.entries()) void closed.then(() => called.push(n))
    await app.sse.disconnect(() => true)
    for (const promise of failed) await t.rejects(promise, { message: 'a handler failed' })
    t.strictSame(called, [0, 1, 2])
    t.equal(closes.length, 3)
  })
})

t.test('all readers get the events in one order', async (t) => {
  t.test('when ten publishers broadcast concurrently', async (t) => {
    const journey = await start(t)
    const { app, port } = journey
    const readers: RawReader[] = []
    for (let n = 0; n < 5; n++) readers.push(await open(t, port, `GET /events?channels=a,b,${EVERYBODY}`))
    const onlyA = await open(t, port, 'GET /events?channels=a')
    const ids = new Map<string, string>()
    await Promise.all(Array.from({ length: 10 }, async (_, publisher) => {
      for (let n = 0; n < 50; n++) {
        const text = `${publisher}:${n}`
        const channels = [['a'], ['b'], [EVERYBODY], ['a', 'b', EVERYBODY]][(publisher + n) % 4]!
        const { id } = await app.sse.broadcast('message', text, { channels })
        ids.set(text, id!)
        if (n % (publisher + 1) === 0) await turn()
      }
    }))
    const [first, ...others] = await heard(journey, ...readers, onlyA)
    const ofA = others.pop()!
    t.equal(first!.length, 500)
    for (const other of others) t.strictSame(other, first)
    t.strictSame(ofA, first!.filter((text) => (Number(text.split(':')[0]) + Number(text.split(':')[1])) % 4 % 3 === 0))
    const offsets = first!.map((text) => Number(ids.get(text)!.split('.')[1]))
    t.ok(offsets.every((offset, at) => at === 0 || offset > offsets[at - 1]!), 'the ids ascend in this order')
    for (let publisher = 0; publisher < 10; publisher++) {
      t.strictSame(first!.filter((text) => text.startsWith(`${publisher}:`)), Array.from({ length: 50 }, (_, n) => `${publisher}:${n}`))
    }
    t.strictSame(readers.map(({ events }) => events.filter(({ event }) => event === undefined).map(({ id }) => id)),
      Array(5).fill(first!.map((text) => ids.get(text))))
  })

  t.test('when `onClose` broadcasts and then ends the next stream', async (t) => {
    const left: number[] = []
    const journey = await start(t, {
      options: {
        onClose: (subscriber) => {
          const n = journey.opened.indexOf(subscriber)
          // The remaining readers leave only when the application closes, and publish no more.
          if (n >= 6) return
          left.push(n)
          void journey.app.sse.broadcast('message', `${n} left`).then(() => {
            void journey.app.sse.broadcast('message', `then ${n}`)
            void journey.app.sse.disconnect((other) => journey.opened.indexOf(other) === n + 1 && n < 5)
          })
          void journey.app.sse.broadcast('message', `${n} left indeed`)
        }
      }
    })
    const { app, port } = journey
    const leaving: RawReader[] = []
    for (let n = 0; n < 6; n++) leaving.push(await open(t, port, 'GET /events'))
    const staying = [await open(t, port, 'GET /events'), await open(t, port, 'GET /events')]
    void app.sse.broadcast('message', 'before')
    await heard(journey, ...staying)
    await app.sse.disconnect((subscriber) => subscriber === journey.opened[0])
    await until(() => left.length === 6)
    const [first, second] = await heard(journey, ...staying)
    t.strictSame(first, ['before', ...[0, 1, 2, 3, 4, 5].flatMap((n) => [`${n} left`, `${n} left indeed`, `then ${n}`])])
    t.strictSame(second, first)
    t.strictSame(left, [0, 1, 2, 3, 4, 5])
    for (const [n, reader] of leaving.entries()) t.strictSame(texts(reader), first!.slice(0, texts(reader).length), `reader ${n} got a prefix`)
  })
})
