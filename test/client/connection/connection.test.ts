import t, { type Test } from 'tap'
import { Connection, type ConnectionOptions } from '../../../client/connection/connection.ts'
import type { ParsedEvent } from '../../../client/wire/event-stream-parser.ts'
import { readOptions } from '../../../client/stream/options.ts'
import type { Status } from '../../../client/connection/status.ts'
import { readOptions as readServerOptions } from '../../../lib/options/defaults.ts'
import { FakePage } from '../fake-page.ts'
import { FakeTime } from '../fake-time.ts'
import { FakeTransport } from '../fake-transport.ts'

const BASE = 1000
const CAP = 30_000
const CONNECT_TIMEOUT = 45_000
const HEALTHY = 10_000
const HEARTBEAT = 15_000
// Further wait of the watchdog after the longest allowed silence.
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
  /** The value that `Math.random` returns from now on. */
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

  /** Milliseconds until the next attempt. */
  get wait (): number {
    if (this.status.state !== 'waiting' || this.status.retryAt === null) throw new Error(`it is ${this.status.state}`)
    return this.status.retryAt - Date.now()
  }

  /** Lets the wait pass. @returns Its length in milliseconds. */
  waitOut (): number {
    const { made, wait } = this
    if (wait > 0) this.time.pass(wait - 1)
    if (this.made !== made) throw new Error('too early')
    this.time.pass(1)
    if (this.made !== made + 1) throw new Error('too late')
    return wait
  }

  /** Opens a stream whose `sse.open` event announces the heartbeat interval. */
  open (opening: object = { heartbeatInterval: HEARTBEAT }): void {
    this.attempt.head()
    this.attempt.event('sse.open', opening, '1')
  }
}

t.test('a wait is random between zero and a bound, which doubles with each failure up to the cap', async (t) => {
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

t.test('a stream that was open for less than ten seconds does not reset the backoff', async (t) => {
  const journey = new Journey(t)
  const waits = [1, 2, 3].map(() => {
    journey.open()
    journey.time.pass(HEALTHY - 1)
    journey.attempt.lose()
    return journey.waitOut()
  })
  t.strictSame(waits, [500, 1000, 2000])
})

t.test('a stream that was open for ten seconds resets the backoff', async (t) => {
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
  t.equal(journey.waitOut(), 1000, 'the next failure doubles the bound again')
})

t.test('the time in which a stream is open resets the backoff, and the time in which the transport retries by itself does not', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose()
  journey.waitOut()
  journey.open()
  journey.time.pass(HEALTHY - 1)
  journey.attempt.retry()
  journey.time.pass(5000)
  journey.attempt.lose()
  t.equal(journey.waitOut(), 1000, 'the time of the retry does not count')
  journey.open()
  journey.time.pass(HEALTHY)
  journey.attempt.retry()
  journey.time.pass(5000)
  journey.attempt.lose()
  t.equal(journey.waitOut(), 500)
})

t.test('the wait that the server asks for is added to the random wait', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 7000 })
  t.equal(journey.waitOut(), 7500)
  journey.drawn = 0
  journey.attempt.lose({ wait: 7000 })
  t.equal(journey.waitOut(), 7000)
})

t.test('the wait that the server asks for is limited to a day', async (t) => {
  const journey = new Journey(t)
  journey.drawn = 0
  for (const wait of [Infinity, 1e300, 86_400_001]) {
    journey.attempt.lose({ wait })
    t.equal(journey.wait, 86_400_000, String(wait))
    journey.connection.reconnect()
  }
})

t.test('a page that becomes visible or online retries immediately, or as early as the server allows', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  for (const again of [() => page.show(), () => page.fire('online')]) {
    const { made } = journey
    journey.drawn = 0.999
    journey.attempt.lose({ wait: 5000 })
    journey.time.pass(4000)
    again()
    journey.time.pass(999)
    t.equal(journey.made, made, 'the wait that the server asked for is not over')
    journey.time.pass(1)
    t.equal(journey.made, made + 1, 'the random wait is skipped')
    t.equal(journey.transport.alive.length, 1)
    journey.attempt.lose()
    again()
    journey.time.pass(1)
    t.equal(journey.made, made + 2, 'the retry is immediate, because the server asked for no wait')
  }
  page.show()
  t.equal(journey.made, 5, 'a connecting attempt is not replaced')
})

t.test('a page that returns from the back/forward cache keeps to the wait that the server asked for', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 5000 })
  page.fire('pagehide')
  t.strictSame(journey.status, { state: 'waiting', reason: 'left', retryAt: null })
  page.fire('pageshow')
  t.equal(journey.waitOut(), 5000)
})

t.test('a page that is left closes its stream, and reconnects when it is returned to', async (t) => {
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

t.test('a stream that was open when the machine went offline or slept is replaced immediately', async (t) => {
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

t.test('at most one attempt is alive at any time', async (t) => {
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
        if (journey.transport.alive.length > 1) t.fail('two attempts are alive')
      }
    }
  }
  journey.connection.close()
  t.equal(journey.transport.alive.length, 0)
})

t.test('each attempt sends the last event ID', async (t) => {
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
  t.equal(journey.attempt.askedFor, '2 é&=+', 'an attempt without events keeps the last event ID')
  journey.attempt.event('order', 1, '')
  journey.attempt.lose()
  journey.waitOut()
  t.equal(journey.attempt.askedFor, null, 'no ID is sent after the stream has cleared it')
})

t.test('the first attempt sends the last event ID from the options', async (t) => {
  const journey = new Journey(t, { lastEventId: 'snapshot' })
  t.equal(journey.attempt.askedFor, 'snapshot')
  t.equal(journey.connection.lastEventId, 'snapshot')
})

t.test('reconnect resumes from the last event ID, from a given ID, or, given an empty ID, sends none', async (t) => {
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

t.test('reconnect cancels a wait, even if the server asked for it', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 60_000 })
  journey.connection.reconnect()
  t.strictSame([journey.made, journey.status], [2, { state: 'connecting' }])
  journey.time.pass(1000)
  t.equal(journey.made, 2, 'the cancelled wait starts no further attempt')
})

t.test('an attempt receives the event types listened to at its start and types added later', async (t) => {
  const journey = new Journey(t)
  journey.connection.listenTo('order')
  t.ok(journey.attempt.heard.includes('order'))
  journey.connection.reconnect()
  t.strictSame(journey.attempt.heard, ['sse.open', 'sse.gap', 'sse.close', 'sse.error', 'sse.heartbeat', 'order'])
})

t.test('sse.close closes the connection with its reason, and its ID does not become the last event ID', async (t) => {
  const journey = new Journey(t)
  journey.open()
  journey.attempt.event('sse.close', { reason: 'revoked' }, 'sse.final')
  t.strictSame(journey.status, { state: 'closed', reason: 'final', closeReason: 'revoked' })
  t.equal(journey.events.at(-1)?.type, 'sse.close', 'the listener receives sse.close')
  t.equal(journey.connection.lastEventId, '1')
  t.equal(journey.transport.alive.length, 0)
  journey.time.pass(100_000, 100)
  t.equal(journey.made, 1)
})

t.test('a response that says that the stream is gone closes the connection for good', async (t) => {
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
      t.equal(journey.status.state, 'open', 'events that arrived while the page was stopped may still be unread')
      journey.time.pass(1)
      t.equal(journey.status.state, 'waiting')
      journey.waitOut()
      t.equal(journey.attempt.askedFor, '2')
    })
  }
})

t.test('a stream whose heartbeats are invisible or off is never replaced because of its silence', async (t) => {
  for (const [seesComments, opening] of [[false, { heartbeatInterval: HEARTBEAT }], [true, { heartbeatInterval: false }]] as const) {
    await t.test(JSON.stringify(opening), async (t) => {
      const journey = new Journey(t, { seesComments })
      journey.open(opening)
      journey.time.pass(10_000_000, 1000)
      t.strictSame([journey.status.state, journey.made], ['open', 1])
    })
  }
})

t.test('a retry of the transport itself is not subject to the heartbeat interval of the previous stream', async (t) => {
  const journey = new Journey(t, { seesComments: true })
  journey.open()
  journey.attempt.retry()
  journey.time.pass(CONNECT_TIMEOUT - 1)
  t.strictSame([journey.status.state, journey.made], ['connecting', 1])
  journey.attempt.head()
  journey.time.pass(200_000, 100)
  t.strictSame([journey.status.state, journey.made], ['open', 1], 'a stream that has not announced its heartbeat interval yet is not subject to one either')
})

t.test('a page that was stopped reads for a second before a silence counts', async (t) => {
  const journey = new Journey(t, { seesComments: true })
  journey.open()
  journey.time.sleep(60_000)
  t.equal(journey.status.state, 'open', 'the late timer does not replace the stream yet')
  journey.time.pass(500)
  journey.attempt.comment()
  journey.time.pass(2 * HEARTBEAT - 1)
  t.strictSame([journey.status.state, journey.made], ['open', 1])
  journey.time.sleep(60_000)
  journey.time.pass(SECOND_LOOK)
  t.equal(journey.status.state, 'waiting', 'after that second the silence counts')
})

t.test('an attempt without a response within connectTimeout is abandoned', async (t) => {
  const journey = new Journey(t)
  journey.time.pass(CONNECT_TIMEOUT - 1)
  t.equal(journey.status.state, 'connecting')
  journey.time.pass(1)
  t.strictSame([journey.status.state, journey.transport.alive.length], ['waiting', 0])
  journey.waitOut()
  journey.attempt.head()
  journey.time.pass(CONNECT_TIMEOUT + 1)
  t.equal(journey.status.state, 'open', 'an attempt with a response is kept')
})

t.test('each attempt that the transport makes by itself has the full connectTimeout', async (t) => {
  const journey = new Journey(t)
  journey.open()
  for (let again = 0; again < 3; again++) {
    journey.attempt.retry()
    journey.time.pass(CONNECT_TIMEOUT - 1)
    t.equal(journey.made, 1)
  }
  journey.time.pass(1)
  t.equal(journey.status.state, 'waiting')
  t.equal(journey.turns.filter(({ state }) => state === 'connecting').length, 1, 'one status reports all of these attempts')
})

t.test('an attempt with `connectTimeout: Infinity` is never abandoned', async (t) => {
  const journey = new Journey(t, { connectTimeout: Infinity })
  journey.time.pass(2 ** 31 + 1000, 10_000)
  t.strictSame([journey.made, journey.status.state], [1, 'connecting'])
})

t.test('close is final while the connection is connecting, open or waiting, and while the page is left', async (t) => {
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
  t.test(`close is final if a status listener calls it in the state ${state}`, async (t) => {
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

t.test('sse.open and sse.close take effect even if their data is not JSON', async (t) => {
  const journey = new Journey(t, { seesComments: true })
  journey.attempt.head()
  journey.attempt.eventOfText('sse.open', '{', '1')
  t.equal(journey.status.state, 'open')
  journey.time.pass(10 * HEARTBEAT)
  t.equal(journey.made, 1, 'no watchdog without an interval')
  journey.attempt.eventOfText('sse.close', '{', 'sse.final')
  t.strictSame(journey.status, { state: 'closed', reason: 'final', closeReason: '' })
})

t.test('close is final if an event listener calls it, even one of sse.close', async (t) => {
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

t.test('reconnect, called by a status listener, starts exactly one attempt', async (t) => {
  const journey: Journey = new Journey(t, {}, { status ({ state }) { if (state === 'waiting' && journey.made < 3) journey.connection.reconnect() } })
  journey.attempt.lose()
  t.strictSame([journey.made, journey.transport.alive.length, journey.status.state], [2, 1, 'connecting'])
  journey.time.pass(2000)
  t.equal(journey.made, 2, 'the previous wait is cancelled')
})

t.test('reconnect, called by an event listener, resumes from that event', async (t) => {
  const journey: Journey = new Journey(t, { seesComments: true }, { event ({ type }) { if (type === 'sse.open' && journey.made < 3) journey.connection.reconnect() } })
  journey.open()
  t.strictSame([journey.made, journey.attempt.askedFor, journey.transport.alive.length, journey.status.state], [2, '1', 1, 'connecting'])
  journey.open()
  t.equal(journey.made, 3)
  journey.time.pass(CONNECT_TIMEOUT - 1)
  journey.open()
  t.equal(journey.status.state, 'open')
})

t.test('a wait, a connectTimeout and a heartbeat interval longer than the longest timer do not end immediately', async (t) => {
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

t.test('a stream counts as open after its first event or comment', async (t) => {
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
      t.equal(journey.status.state, 'connecting', 'a response head and some bytes do not suffice')
      show(journey)
      t.strictSame(journey.status, { state: 'open' })
    })
  }
})

t.test('a stream counts as open after ten silent seconds and is kept, since its comments may be invisible', async (t) => {
  const journey = new Journey(t, { connectTimeout: 2000 })
  journey.attempt.head()
  journey.time.pass(HEALTHY - 1)
  t.strictSame([journey.made, journey.status.state], [1, 'connecting'])
  journey.time.pass(1)
  t.equal(journey.status.state, 'open')
  journey.time.pass(1_000_000, 1000)
  t.strictSame([journey.made, journey.status.state], [1, 'open'])
})

t.test('a stream that ends before its first event or comment is a failure with the reason "later", and doubles the wait', async (t) => {
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

t.test('a stream that ends empty while the transport retries by itself is reported with the reason "later"', async (t) => {
  const journey = new Journey(t)
  for (let again = 0; again < 2; again++) {
    journey.attempt.head()
    journey.attempt.retry()
  }
  t.strictSame(journey.turns, [{ state: 'connecting', reason: 'later' }], 'it is reported once')
  journey.attempt.retry()
  t.strictSame(journey.status, { state: 'connecting', reason: 'lost' }, 'the last retry had no response')
  journey.open()
  journey.attempt.retry()
  t.strictSame(journey.turns.slice(2), [{ state: 'open' }, { state: 'connecting', reason: 'lost' }])
})

t.test('an event of the application resets the backoff, and an event of the plugin does not', async (t) => {
  const journey = new Journey(t)
  const waits = ['sse.heartbeat', 'sse.gap', 'order', 'order', 'sse.heartbeat'].map((type) => {
    journey.open()
    journey.attempt.event(type, {}, '1')
    journey.attempt.lose()
    return journey.waitOut()
  })
  t.strictSame(waits, [500, 1000, 500, 500, 1000])
})

t.test('an open stream that its server ends resets the backoff', async (t) => {
  const journey = new Journey(t)
  const waits = [false, false, true, true, false].map((ended) => {
    journey.open()
    journey.attempt.lose({ ended })
    return journey.waitOut()
  })
  t.strictSame(waits, [500, 1000, 500, 500, 1000])
})

t.test('changes of the wall clock affect neither waits nor the watchdog', async (t) => {
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
  t.equal(journey.status.state, 'waiting', 'the watchdog is not late')
  t.equal(journey.wait, Math.ceil(500 / 3), 'the time of the next try is a wall-clock time')
})

t.test('a page that becomes visible keeps to the wait that the server asked for, even after a change of the wall clock', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  journey.attempt.lose({ wait: 60_000, httpStatus: 503 })
  journey.time.setWallClock(3_600_000)
  page.show()
  t.match(journey.status, { state: 'waiting', reason: 'refused', httpStatus: 503 }, 'the status keeps its reason')
  t.equal(journey.waitOut(), 60_000)
})

t.test('an open stream cancels the wait that the server asked for earlier', async (t) => {
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

t.test('sleep of the machine is detected even if the monotonic clock stands still during it', async (t) => {
  const page = new FakePage(t)
  const journey = new Journey(t)
  t.ok(page)
  journey.open()
  journey.time.setWallClock(3_600_000)
  journey.time.pass(20_000)
  t.equal(journey.made, 2)
})

t.test('the wait after a silence is a third of the usual wait', async (t) => {
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

t.test('with the defaults of client and server, requests through a failing proxy are at most 45 s apart', async (t) => {
  const { backoff, connectTimeout } = readOptions('http://localhost/events', {})
  const { heartbeatInterval } = readServerOptions({})
  for (const [what, fail] of Object.entries<(journey: Journey) => void>({
    'a proxy that holds requests': () => {},
    'a proxy that refuses requests': ({ attempt }) => attempt.lose({ httpStatus: 502 }),
    'a proxy that responds with streams that end': ({ attempt }) => { attempt.head(); attempt.lose({ ended: true }) }
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
      t.notOk(journey.turns.some(({ state }) => state === 'open') && journey.status.state === 'open', 'the status is not open')
    })
  }
})

t.test('reconnect, called by a status listener in the state open, leaves the opening event to the next stream', async (t) => {
  const journey: Journey = new Journey(t, {}, { status ({ state }) { if (state === 'open' && journey.made === 1) journey.connection.reconnect() } })
  journey.attempt.head()
  journey.attempt.event('order', 1, '7')
  t.strictSame([journey.events, journey.made, journey.attempt.askedFor], [[], 2, null])
  journey.attempt.event('order', 1, '7')
  t.equal(journey.events.length, 1)
})

t.test('the status waiting has a reason, and the HTTP status if the server responded', async (t) => {
  const journey = new Journey(t)
  journey.attempt.lose({ httpStatus: 503 })
  t.match(journey.status, { state: 'waiting', reason: 'refused', httpStatus: 503 })
  journey.time.pass(CAP)
  journey.attempt.lose({})
  t.match(journey.status, { state: 'waiting', reason: 'lost' })
  t.equal('httpStatus' in journey.status, false)
  journey.time.pass(CAP)
  journey.attempt.lose({ httpStatus: 0 })
  t.match(journey.status, { state: 'waiting', reason: 'refused' }, 'the HTTP status of a redirect is invisible to a page')
  t.equal('httpStatus' in journey.status, false)
})
