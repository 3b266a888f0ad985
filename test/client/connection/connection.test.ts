import t, { type Test } from 'tap'
import { Connection, type ConnectionOptions } from '../../../client/connection/connection.ts'
import type { ParsedEvent } from '../../../client/wire/event-stream-parser.ts'
import { readOptions } from '../../../client/stream/options.ts'
import type { Status } from '../../../client/connection/status.ts'
import { readOptions as readServerOptions } from '../../../lib/options/settings.ts'
import { FakePage } from '../fake-page.ts'
import { FakeTime } from '../fake-time.ts'
import { FakeTransport } from '../fake-transport.ts'

const BASE = 1000
const CAP = 30_000
const CONNECT_TIMEOUT = 45_000
const HEALTHY = 10_000
const HEARTBEAT = 15_000
// After the silence that a watchdog takes for the end.
const SECOND_LOOK = 1000

interface Listening {
  status? (status: Status): void
  event? (event: ParsedEvent): void
}

class Journey {
  readonly time: FakeTime
  readonly transport: FakeTransport
  readonly connection: Connection
  readonly turns: Status[] = []
  readonly events: ParsedEvent[] = []
  /** What every draw gives from now on. */
  drawn = 0.5

  constructor (t: Test, options: Partial<ConnectionOptions> & { seesComments?: boolean } = {}, listening: Listening = {}) {
    this.time = new FakeTime(t)
    const { random } = Math
    t.teardown(() => { Math.random = random })
    Math.random = () => this.drawn
    this.transport = new FakeTransport(options)
    this.connection = new Connection({
      url: 'http://localhost/events?room=1',
      transport: this.transport.open,
      lastEventId: '',
      backoff: { base: BASE, cap: CAP },
      connectTimeout: CONNECT_TIMEOUT,
      ...options
    }, {
      status: (status) => {
        this.turns.push(status)
        listening.status?.(status)
      },
      event: (event) => {
        this.events.push(event)
        listening.event?.(event)
      },
      began () { throw new Error('a connection hears every opening itself') },
      error: (error) => { throw error }
    })
    t.teardown(() => this.connection.close())
  }

  get attempt () { return this.transport.last }
  get made (): number { return this.transport.attempts.length }
  get status (): Status { return this.turns.at(-1) ?? { state: 'connecting' } }

  /** How long it waits now. */
  get wait (): number {
    if (this.status.state !== 'waiting' || this.status.retryAt === null) throw new Error(`it is ${this.status.state}`)
    return this.status.retryAt - Date.now()
  }

  /** Lets the wait pass, and says how long it was. */
  waitOut (): number {
    const { made, wait } = this
    if (wait > 0) this.time.pass(wait - 1)
    if (this.made !== made) throw new Error('too early')
    this.time.pass(1)
    if (this.made !== made + 1) throw new Error('too late')
    return wait
  }

  /** Opens a stream that says how often its server gives a sign of life. */
  open (opening: object = { heartbeatInterval: HEARTBEAT }): void {
    this.attempt.head()
    this.attempt.event('sse.open', opening, '1')
  }
}

t.test('a wait is drawn from the whole range, which doubles with each failure up to the cap', async (t) => {
  const journey = new Journey(t)
  const ranges = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]
  const draws = [0, 0.25, 0.5, 0.75, 0.999]
  const waits = ranges.map((_, index) => {
    journey.drawn = draws[index % draws.length]!
    journey.attempt.lose()
    return journey.waitOut()
  })
  t.strictSame(waits, ranges.map((range, index) => range * draws[index % draws.length]!))
})

t.test('an attempt that opens does not begin the doubling anew', async (t) => {
  const journey = new Journey(t)
  const waits = [1, 2, 3].map(() => {
    journey.open()
    journey.time.pass(HEALTHY - 1)
    journey.attempt.lose()
    return journey.waitOut()
  })
  t.strictSame(waits, [500, 1000, 2000])
})

t.test('a stream that was open for ten seconds does', async (t) => {
  const journey = new Journey(t)
  for (let failures = 0; failures < 4; failures++) {
    journey.attempt.lose()
    journey.waitOut()
  }
  journey.open()
  journey.time.pass(HEALTHY)
  journey.attempt.lose()
  t.equal(journey.waitOut(), 500)
  journey.attempt.lose()
  t.equal(journey.waitOut(), 1000, 'and what follows doubles again')
})

t.test('so does one that the transport opened by itself, and only for the time that it was open', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose()
  journey.waitOut()
  journey.open()
  journey.time.pass(HEALTHY - 1)
  journey.attempt.retry()
  journey.time.pass(5000)
  journey.attempt.lose()
  t.equal(journey.waitOut(), 1000, 'the time without a stream is none of health')
  journey.open()
  journey.time.pass(HEALTHY)
  journey.attempt.retry()
  journey.time.pass(5000)
  journey.attempt.lose()
  t.equal(journey.waitOut(), 500)
})

t.test('what a server wants to be left alone for comes on top of what is drawn', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 7000 })
  t.equal(journey.waitOut(), 7500)
  journey.drawn = 0
  journey.attempt.lose({ wait: 7000 })
  t.equal(journey.waitOut(), 7000)
})

t.test('no server is left alone for more than a day, whatever it asks for', async (t) => {
  const journey = new Journey(t)
  journey.drawn = 0
  for (const wait of [Infinity, 1e300, 86_400_001]) {
    journey.attempt.lose({ wait })
    t.equal(journey.wait, 86_400_000, String(wait))
    journey.connection.reconnect()
  }
})

t.test('a page that is shown, or online again, tries at once, but never before the server wants it to', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  for (const again of [() => page.show(), () => page.fire('online')]) {
    const { made } = journey
    journey.drawn = 0.999
    journey.attempt.lose({ wait: 5000 })
    journey.time.pass(4000)
    again()
    journey.time.pass(999)
    t.equal(journey.made, made, 'too early for the server')
    journey.time.pass(1)
    t.equal(journey.made, made + 1, 'what was drawn on top is not waited for')
    t.equal(journey.transport.alive.length, 1)
    journey.attempt.lose()
    again()
    journey.time.pass(1)
    t.equal(journey.made, made + 2, 'at once, where the server asked for nothing')
  }
  page.show()
  t.equal(journey.made, 5, 'one that is connecting already is left alone')
})

t.test('a page that was away in the back/forward cache keeps to it, too', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 5000 })
  page.fire('pagehide')
  t.strictSame(journey.status, { state: 'waiting', reason: 'left', retryAt: null })
  page.fire('pageshow')
  t.equal(journey.waitOut(), 5000)
})

t.test('a page that is being left lets go of its stream, and tries nothing until it is returned to', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  journey.open()
  page.fire('pagehide')
  t.strictSame([journey.transport.alive, journey.status], [[], { state: 'waiting', reason: 'left', retryAt: null }])
  journey.time.pass(200_000, 100)
  t.equal(journey.made, 1)
  page.fire('pageshow')
  journey.time.pass(1)
  t.strictSame([journey.made, journey.attempt.askedFor], [2, '1'])
})

t.test('a stream that was open when the machine went offline, or slept, is replaced at once', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  journey.open()
  page.fire('offline')
  page.fire('online')
  journey.time.pass(1)
  t.equal(journey.made, 2)
  journey.open()
  journey.time.sleep(3_600_000)
  journey.time.pass(1)
  t.equal(journey.made, 3)
  t.equal(journey.transport.alive.length, 1)
})

t.test('never two attempts live at once', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  const steps: Array<() => void> = [
    () => journey.open(), () => journey.attempt.lose(), () => journey.attempt.retry(), () => journey.connection.reconnect(),
    () => page.show(), () => page.fire('pagehide'), () => page.fire('pageshow'), () => page.fire('offline'), () => page.fire('online'),
    () => journey.time.pass(2000, 10), () => journey.time.pass(CONNECT_TIMEOUT, 10)
  ]
  for (const first of steps) {
    for (const second of steps) {
      for (const step of [first, second]) {
        step()
        if (journey.transport.alive.length > 1) t.fail('two')
      }
    }
  }
  journey.connection.close()
  t.equal(journey.transport.alive.length, 0)
})

t.test('each attempt asks for what comes after the last event', async (t) => {
  const journey = new Journey(t)
  t.equal(journey.attempt.options.url, 'http://localhost/events?room=1')
  journey.open()
  journey.attempt.event('order', 1, '2 é&=+')
  journey.attempt.lose()
  journey.waitOut()
  t.equal(journey.attempt.askedFor, '2 é&=+')
  t.equal(journey.attempt.options.lastEventId, '2 é&=+')
  t.equal(new URL(journey.attempt.options.url).searchParams.get('room'), '1')
  journey.attempt.lose()
  journey.waitOut()
  t.equal(journey.attempt.askedFor, '2 é&=+', 'also after an attempt that brought none')
  journey.attempt.event('order', 1, '')
  journey.attempt.lose()
  journey.waitOut()
  t.equal(journey.attempt.askedFor, null, 'nothing where the stream has emptied it')
})

t.test('the first attempt goes on from the event ID that it is given', async (t) => {
  const journey = new Journey(t, { lastEventId: 'snapshot' })
  t.equal(journey.attempt.askedFor, 'snapshot')
  t.equal(journey.connection.lastEventId, 'snapshot')
})

t.test('reconnect goes on from where the stream is, from another event, or from nowhere', async (t) => {
  const journey = new Journey(t)
  journey.open()
  journey.connection.reconnect()
  t.equal(journey.attempt.askedFor, '1')
  journey.connection.reconnect('7')
  t.equal(journey.attempt.askedFor, '7')
  journey.connection.reconnect('')
  t.equal(journey.attempt.askedFor, null)
  t.equal(journey.transport.alive.length, 1)
})

t.test('reconnect cuts a wait short, even one that the server asked for', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 60_000 })
  journey.connection.reconnect()
  t.strictSame([journey.made, journey.status], [2, { state: 'connecting' }])
  journey.time.pass(1000)
  t.equal(journey.made, 2, 'and the wait that was cut starts nothing more')
})

t.test('an attempt hears the events that are listened to when it starts, and those that come later', async (t) => {
  const journey = new Journey(t)
  journey.connection.listenTo('order')
  t.ok(journey.attempt.heard.includes('order'))
  journey.connection.reconnect()
  t.strictSame(journey.attempt.heard, ['sse.open', 'sse.gap', 'sse.close', 'sse.error', 'sse.heartbeat', 'order'])
})

t.test('sse.close is the end, with its reason, and its id is not gone on from', async (t) => {
  const journey = new Journey(t)
  journey.open()
  journey.attempt.event('sse.close', { reason: 'revoked' }, 'sse.final')
  t.strictSame(journey.status, { state: 'closed', reason: 'final', closeReason: 'revoked' })
  t.equal(journey.events.at(-1)?.type, 'sse.close', 'whoever listens hears of it')
  t.equal(journey.connection.lastEventId, '1')
  t.equal(journey.transport.alive.length, 0)
  journey.time.pass(100_000, 100)
  t.equal(journey.made, 1)
})

t.test('an answer that there is nothing to come back to is the end', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose({ gone: { state: 'closed', reason: 'gone', httpStatus: 401 } })
  t.strictSame(journey.status, { state: 'closed', reason: 'gone', httpStatus: 401 })
  journey.time.pass(100_000, 100)
  journey.connection.reconnect()
  t.equal(journey.made, 1)
})

t.test('a stream with visible heartbeats that is silent for more than twice their interval is replaced', async (t) => {
  for (const { seesComments, opening } of [
    { seesComments: true, opening: { heartbeatInterval: HEARTBEAT } },
    { seesComments: false, opening: { heartbeatInterval: HEARTBEAT, heartbeatEvent: true } }
  ]) {
    await t.test(seesComments ? 'comments' : 'events', async (t) => {
      const journey = new Journey(t, { seesComments })
      journey.open(opening)
      journey.time.pass(2 * HEARTBEAT - 1)
      if (seesComments) journey.attempt.comment()
      else journey.attempt.event('sse.heartbeat', {}, '1')
      journey.time.pass(2 * HEARTBEAT - 1)
      journey.attempt.event('order', 1, '2')
      journey.time.pass(2 * HEARTBEAT - 1)
      t.equal(journey.status.state, 'open')
      journey.time.pass(SECOND_LOOK)
      t.equal(journey.status.state, 'open', 'what came while the page stood still may yet have to be looked at')
      journey.time.pass(1)
      t.equal(journey.status.state, 'waiting')
      journey.waitOut()
      t.equal(journey.attempt.askedFor, '2')
    })
  }
})

t.test('where heartbeats cannot be seen, or are off, no silence is too long', async (t) => {
  for (const [seesComments, opening] of [[false, { heartbeatInterval: HEARTBEAT }], [true, { heartbeatInterval: false }]] as const) {
    await t.test(JSON.stringify(opening), async (t) => {
      const journey = new Journey(t, { seesComments })
      journey.open(opening)
      journey.time.pass(10_000_000, 1000)
      t.strictSame([journey.status.state, journey.made], ['open', 1])
    })
  }
})

t.test('the transport trying again by itself is not held to the heartbeat of before', async (t) => {
  const journey = new Journey(t, { seesComments: true })
  journey.open()
  journey.attempt.retry()
  journey.time.pass(CONNECT_TIMEOUT - 1)
  t.strictSame([journey.status.state, journey.made], ['connecting', 1])
  journey.attempt.head()
  journey.time.pass(200_000, 100)
  t.strictSame([journey.status.state, journey.made], ['open', 1], 'nor is a stream that has not yet said how often there is one')
})

t.test('a silence that a stopped page seems to hear is not one until there was time to look at what came', async (t) => {
  const journey = new Journey(t, { seesComments: true })
  journey.open()
  journey.time.sleep(60_000)
  t.equal(journey.status.state, 'open', 'the timer was late')
  journey.time.pass(500)
  journey.attempt.comment()
  journey.time.pass(2 * HEARTBEAT - 1)
  t.strictSame([journey.status.state, journey.made], ['open', 1])
  journey.time.sleep(60_000)
  journey.time.pass(SECOND_LOOK)
  t.equal(journey.status.state, 'waiting', 'and then it is one')
})

t.test('an attempt that is not answered in time is given up', async (t) => {
  const journey = new Journey(t)
  journey.time.pass(CONNECT_TIMEOUT - 1)
  t.equal(journey.status.state, 'connecting')
  journey.time.pass(1)
  t.strictSame([journey.status.state, journey.transport.alive.length], ['waiting', 0])
  journey.waitOut()
  journey.attempt.head()
  journey.time.pass(CONNECT_TIMEOUT + 1)
  t.equal(journey.status.state, 'open', 'one that was answered is not')
})

t.test('an attempt that the transport makes by itself has the same time, each anew', async (t) => {
  const journey = new Journey(t)
  journey.open()
  for (let again = 0; again < 3; again++) {
    journey.attempt.retry()
    journey.time.pass(CONNECT_TIMEOUT - 1)
    t.equal(journey.made, 1)
  }
  journey.time.pass(1)
  t.equal(journey.status.state, 'waiting')
  t.equal(journey.turns.filter(({ state }) => state === 'connecting').length, 1, 'which is told once')
})

t.test('with a timeout of Infinity an attempt has all the time there is', async (t) => {
  const journey = new Journey(t, { connectTimeout: Infinity })
  journey.time.pass(2 ** 31 + 1000, 10_000)
  t.strictSame([journey.made, journey.status.state], [1, 'connecting'])
})

t.test('close is final while it connects, while it is open, while it waits, and when the page is away', async (t) => {
  for (const [state, lead] of Object.entries<(journey: Journey, page: FakePage) => void>({
    connecting: () => {},
    open: (journey) => journey.open(),
    waiting: (journey) => journey.attempt.lose(),
    away: (_journey, page) => page.fire('pagehide')
  })) {
    await t.test(state, async (t) => {
      const page = new FakePage(t)
      const journey = new Journey(t, { seesComments: true })
      lead(journey, page)
      const { attempt } = journey
      journey.connection.close()
      t.strictSame(journey.status, { state: 'closed', reason: 'closed' })
      const turns = journey.turns.length
      attempt.lose()
      journey.connection.reconnect()
      journey.connection.close()
      page.show()
      page.fire('pageshow')
      page.fire('online')
      journey.time.pass(200_000, 100)
      t.strictSame([journey.turns.length, journey.made, journey.transport.alive.length], [turns, 1, 0])
    })
  }
})

for (const state of ['open', 'connecting', 'waiting'] as const) {
  t.test(`close is final from inside a listener that is told of ${state}`, async (t) => {
    const journey: Journey = new Journey(t, { seesComments: true }, {
      status (status) { if (status.state === state) journey.connection.close() }
    })
    journey.attempt.lose()
    if (state !== 'waiting') journey.waitOut()
    if (state === 'open') journey.open()
    t.strictSame(journey.status, { state: 'closed', reason: 'closed' })
    journey.time.pass(200_000, 100)
    t.strictSame([journey.turns.at(-1)?.state, journey.transport.alive.length], ['closed', 0])
  })
}

t.test('close is final from inside a listener of events, that of sse.close among them', async (t) => {
  for (const last of ['sse.open', 'order', 'sse.close']) {
    await t.test(last, async (t) => {
      const journey: Journey = new Journey(t, { seesComments: true }, { event ({ type }) { if (type === last) journey.connection.close() } })
      journey.open()
      journey.attempt.event('order', 1, '2')
      journey.attempt.event('sse.close', { reason: 'ended' }, 'sse.final')
      t.equal(journey.events.at(-1)?.type, last)
      t.strictSame(journey.status, { state: 'closed', reason: 'closed' })
      journey.time.pass(200_000, 100)
      t.strictSame([journey.made, journey.transport.alive.length], [1, 0])
    })
  }
})

t.test('reconnect from inside a listener of statuses makes the one next attempt', async (t) => {
  const journey: Journey = new Journey(t, {}, { status ({ state }) { if (state === 'waiting' && journey.made < 3) journey.connection.reconnect() } })
  journey.attempt.lose()
  t.strictSame([journey.made, journey.transport.alive.length, journey.status.state], [2, 1, 'connecting'])
  journey.time.pass(2000)
  t.equal(journey.made, 2, 'the wait of before is over')
})

t.test('reconnect from inside a listener of events goes on from that event', async (t) => {
  const journey: Journey = new Journey(t, { seesComments: true }, { event ({ type }) { if (type === 'sse.open' && journey.made < 3) journey.connection.reconnect() } })
  journey.open()
  t.strictSame([journey.made, journey.attempt.askedFor, journey.transport.alive.length, journey.status.state], [2, '1', 1, 'connecting'])
  journey.open()
  t.equal(journey.made, 3)
  journey.time.pass(CONNECT_TIMEOUT - 1)
  journey.open()
  t.equal(journey.status.state, 'open')
})

t.test('a wait, a patience and a silence longer than a timer can take do not end at once', async (t) => {
  const long = 2 ** 31 + 1000
  const waiting = new Journey(t, { connectTimeout: long, seesComments: true })
  waiting.time.pass(100)
  t.strictSame([waiting.made, waiting.status.state], [1, 'connecting'])
  waiting.attempt.lose({ wait: long })
  waiting.time.pass(100)
  t.equal(waiting.made, 1)
  waiting.connection.reconnect()
  waiting.open({ heartbeatInterval: long })
  waiting.time.pass(100)
  t.strictSame([waiting.made, waiting.status.state], [2, 'open'])
})

t.test('a stream is open when something of it has come: an event, or a comment', async (t) => {
  for (const [sign, show] of Object.entries<(journey: Journey) => void>({
    'sse.open': ({ attempt }) => attempt.event('sse.open', {}, '1'),
    'an event of a server that sends no sse.open': ({ attempt }) => attempt.event('message', 1, ''),
    'a comment': ({ attempt }) => attempt.comment()
  })) {
    await t.test(sign, async (t) => {
      const journey = new Journey(t, { seesComments: true })
      journey.attempt.head()
      journey.attempt.sign()
      journey.time.pass(HEALTHY - 1)
      t.equal(journey.status.state, 'connecting', 'a head and some bytes are not enough')
      show(journey)
      t.strictSame(journey.status, { state: 'open' })
    })
  }
})

t.test('a stream that says nothing for ten seconds counts as open, and is not given up: its comments may be invisible', async (t) => {
  const journey = new Journey(t, { connectTimeout: 2000 })
  journey.attempt.head()
  journey.time.pass(HEALTHY - 1)
  t.strictSame([journey.made, journey.status.state], [1, 'connecting'])
  journey.time.pass(1)
  t.equal(journey.status.state, 'open')
  journey.time.pass(1_000_000, 1000)
  t.strictSame([journey.made, journey.status.state], [1, 'open'])
})

t.test('a stream that ends before anything of it has come is none: it waits longer each time, and says why', async (t) => {
  const journey = new Journey(t, { seesComments: true })
  const waits = [1, 2, 3].map(() => {
    journey.attempt.head()
    journey.attempt.sign()
    journey.attempt.lose({ ended: true })
    t.match(journey.status, { state: 'waiting', reason: 'later' })
    return journey.waitOut()
  })
  t.strictSame(waits, [500, 1000, 2000])
  t.notOk(journey.turns.some(({ state }) => state === 'open'))
})

t.test('so it is where the transport itself tries again', async (t) => {
  const journey = new Journey(t)
  for (let again = 0; again < 2; again++) {
    journey.attempt.head()
    journey.attempt.retry()
  }
  t.strictSame(journey.turns, [{ state: 'connecting', reason: 'later' }], 'it is told once')
  journey.attempt.retry()
  t.strictSame(journey.status, { state: 'connecting', reason: 'lost' }, 'now there was no answer')
  journey.open()
  journey.attempt.retry()
  t.strictSame(journey.turns.slice(2), [{ state: 'open' }, { state: 'connecting', reason: 'lost' }])
})

t.test('an event of the application ends a row of failures, those of the plugin do not', async (t) => {
  const journey = new Journey(t)
  const waits = ['sse.heartbeat', 'sse.gap', 'order', 'order', 'sse.heartbeat'].map((type) => {
    journey.open()
    journey.attempt.event(type, {}, '1')
    journey.attempt.lose()
    return journey.waitOut()
  })
  t.strictSame(waits, [500, 1000, 500, 500, 1000])
})

t.test('a stream that was open, and that its server ended, ends it as well', async (t) => {
  const journey = new Journey(t)
  const waits = [false, false, true, true, false].map((ended) => {
    journey.open()
    journey.attempt.lose({ ended })
    return journey.waitOut()
  })
  t.strictSame(waits, [500, 1000, 500, 500, 1000])
})

t.test('waits and silences are those of a clock that nobody sets', async (t) => {
  const journey = new Journey(t, { seesComments: true })
  for (const hours of [-1, 1]) {
    const { made } = journey
    journey.attempt.lose({ wait: 5000 })
    journey.time.setWallClock(hours * 3_600_000)
    journey.time.pass(5499)
    t.equal(journey.made, made)
    journey.time.pass(1)
    t.equal(journey.made, made + 1)
    journey.open()
    journey.attempt.event('order', 1, '2')
  }
  journey.time.setWallClock(-3_600_000)
  journey.time.pass(2 * HEARTBEAT + SECOND_LOOK - 1)
  t.equal(journey.status.state, 'open', 'the watchdog is not early')
  journey.time.pass(1)
  t.equal(journey.status.state, 'waiting', 'nor late')
  t.equal(journey.wait, Math.ceil(500 / 3), 'the moment of the next try is one of the wall clock')
})

t.test('a page that is shown keeps to the wait that the server asked for, also when the wall clock was set', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 60_000, httpStatus: 503 })
  journey.time.setWallClock(3_600_000)
  page.show()
  t.match(journey.status, { state: 'waiting', reason: 'refused', httpStatus: 503 }, 'and goes on to say why')
  t.equal(journey.waitOut(), 60_000)
})

t.test('a wait that a server asked for is over once a stream of it has come', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 3_600_000, httpStatus: 503 })
  journey.connection.reconnect()
  journey.open()
  const { made } = journey
  page.fire('online')
  journey.time.pass(1)
  t.equal(journey.made, made + 1)
})

t.test('a machine that slept is noticed where its clock of waits stands still meanwhile', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  t.ok(page)
  journey.open()
  journey.time.setWallClock(3_600_000)
  journey.time.pass(20_000)
  t.equal(journey.made, 2)
})

t.test('who heard nothing waits a third: it has waited already', async (t) => {
  const journey = new Journey(t)
  journey.drawn = 0.9
  journey.time.pass(CONNECT_TIMEOUT)
  t.match(journey.status, { state: 'waiting', reason: 'silent' })
  t.equal(journey.waitOut(), 300)
  journey.open({ heartbeatInterval: HEARTBEAT, heartbeatEvent: true })
  journey.time.pass(2 * HEARTBEAT + SECOND_LOOK)
  t.match(journey.status, { state: 'waiting', reason: 'silent' })
  t.equal(journey.waitOut(), 300)
})

t.test('with the defaults of both sides a server that came back is asked within 45 s, whatever stands between', async (t) => {
  const { backoff, connectTimeout } = readOptions('http://localhost/events', {})
  const { heartbeatInterval } = readServerOptions({})
  for (const [what, fail] of Object.entries<(journey: Journey) => void>({
    'a proxy that holds requests': () => {},
    'a proxy that refuses them': ({ attempt }) => attempt.lose({ httpStatus: 502 }),
    'a proxy that answers with streams that end': ({ attempt }) => { attempt.head(); attempt.lose({ ended: true }) }
  })) {
    await t.test(what, async (t) => {
      const journey = new Journey(t, { backoff, connectTimeout })
      journey.drawn = 0.9999
      journey.open({ heartbeatInterval, heartbeatEvent: true })
      let longest = 0
      for (let made = 1; made < 12; made++) {
        let waited = 0
        for (; journey.made === made; waited++) journey.time.pass(1)
        longest = Math.max(longest, waited)
        fail(journey)
      }
      t.ok(longest <= 45_000, `${longest} ms from one request to the next, at most`)
      t.notOk(journey.turns.some(({ state }) => state === 'open') && journey.status.state === 'open', 'it does not say that it is open')
    })
  }
})

t.test('reconnect from inside a listener that is told of open: the event that opened the stream comes with the next one', async (t) => {
  const journey: Journey = new Journey(t, {}, { status ({ state }) { if (state === 'open' && journey.made === 1) journey.connection.reconnect() } })
  journey.attempt.head()
  journey.attempt.event('order', 1, '7')
  t.strictSame([journey.events, journey.made, journey.attempt.askedFor], [[], 2, null])
  journey.attempt.event('order', 1, '7')
  t.equal(journey.events.length, 1)
})

t.test('who waits for the next try knows why, and what the server answered, if it did', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose({ httpStatus: 503 })
  t.match(journey.status, { state: 'waiting', reason: 'refused', httpStatus: 503 })
  journey.time.pass(CAP)
  journey.attempt.lose({})
  t.match(journey.status, { state: 'waiting', reason: 'lost' })
  t.equal('httpStatus' in journey.status, false)
  journey.time.pass(CAP)
  journey.attempt.lose({ httpStatus: 0 })
  t.match(journey.status, { state: 'waiting', reason: 'refused' }, 'a page is not told the status of a redirect')
  t.equal('httpStatus' in journey.status, false)
})
