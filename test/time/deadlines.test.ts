import t from 'tap'
import type { ResponseWriter } from '../../lib/response/response-writer.ts'
import type { Times } from '../../lib/time/clock.ts'
import { Deadlines, type Due, type Signs, type Timeouts } from '../../lib/time/deadlines.ts'

const NEVER: Timeouts = { heartbeatInterval: Infinity, stallTimeout: Infinity, idleTimeout: Infinity, maxLifetime: Infinity }

interface State {
  backlog: number
  isFlushed: boolean
  mark: number
  sharedMark: number
}

/** A writer with the given state and without effect. */
function writer (state: Partial<State> = {}): ResponseWriter & State {
  const silent = { write: () => true, onceDrained () {}, end () {}, endIncomplete () {}, closeConnectionAfterEnd () {}, destroy () {}, destroyConnection () {} }
  return { isOpen: true, backlog: 0, isFlushed: true, mark: 0, sharedMark: 0, ...silent, ...state }
}

const FLUSHED = writer()

/** A `Deadlines` and the signs that it reads. */
function watching (...parts: ConstructorParameters<typeof Deadlines>) {
  const watch = new Deadlines(...parts)
  return Object.assign({ wrote: false, gaveEvent: true, sources: 0, showsHeartbeats: false }, {
    showedHeartbeat: (times: Times) => watch.showedHeartbeat(times),
    look (this: Signs, times: Times, to: ResponseWriter): Due | undefined { return watch.check(times, to, this) }
  })
}

/** The time, at ticks of 1 ms, at which each of 500 streams opened together is first due; NaN if something else is due first. */
function firstDue (timeouts: Partial<Timeouts>, due: Due): number[] {
  return Array.from({ length: 500 }, () => {
    const watch = watching({ ...NEVER, ...timeouts }, 0, Infinity)
    watch.look({ real: 0, awake: 0 }, FLUSHED)
    for (let time = 1; ; time++) {
      const found = watch.look({ real: time, awake: time }, FLUSHED)
      if (found === undefined) continue
      return found === due ? time : NaN
    }
  })
}

const claims: Array<[due: Due, option: keyof Timeouts, from: number, to: number]> = [
  ['heartbeat', 'heartbeatInterval', 750, 876],
  ['lifetime', 'maxLifetime', 800, 1001],
  ['idle', 'idleTimeout', 1000, 1101]
]
for (const [due, option, from, to] of claims) {
  t.test(`\`${option}\` of 1000 is due between ${from} and ${to}, spread evenly over streams opened together`, async (t) => {
    const times = firstDue({ [option]: 1000 }, due)
    t.ok(times.every((time) => time >= from && time <= to), `${Math.min(...times)} to ${Math.max(...times)}`)
    t.ok(new Set(times).size > 50)
    const mean = times.reduce((sum, time) => sum + time) / times.length
    t.ok(Math.abs(mean - (from + to) / 2) < (to - from) / 10, `on average ${mean}`)
  })
}

t.test('a heartbeat is due after each silent interval, and the interval begins again with each write', async (t) => {
  const watch = watching({ ...NEVER, heartbeatInterval: 100 }, 0, Infinity)
  const heard: number[] = []
  for (let time = 0; time < 2000; time++) {
    // Until 1000 ms an event is written every 70 ms.
    if (time < 1000 && time % 70 === 0) watch.wrote = true
    if (watch.look({ real: time, awake: time }, FLUSHED) !== 'heartbeat') continue
    heard.push(time)
    watch.wrote = true
  }
  t.ok(heard[0]! >= 980 + 75, `first at ${heard[0]}`)
  const silences = heard.map((time, at) => time - (heard[at - 1] ?? 980))
  t.ok(silences.every((silence) => silence >= 75 && silence <= 90), silences.join(' '))
})

t.test('a heartbeat event is due in every interval, even while other bytes are written or waiting', async (t) => {
  const watch = Object.assign(watching({ ...NEVER, heartbeatInterval: 100 }, 0, Infinity), { showsHeartbeats: true })
  const heard: number[] = []
  for (let time = 0; time < 1000; time++) {
    watch.wrote = true
    // In the second half bytes are waiting at every check.
    if (watch.look({ real: time, awake: time }, writer({ isFlushed: time < 500 && time % 2 === 0 })) !== 'heartbeat') continue
    heard.push(time)
    watch.showedHeartbeat({ real: time, awake: time })
  }
  t.ok(heard.length >= 10, 'at least ten heartbeats')
  for (const [i, time] of heard.entries()) t.ok(time - (heard[i - 1] ?? 0) <= 100 && time - (heard[i - 1] ?? 0) >= 75, String(time))
})

t.test('a stream whose heartbeat events are due at every check still becomes idle', async (t) => {
  const watch = Object.assign(watching({ ...NEVER, heartbeatInterval: 10, idleTimeout: 100 }, 0, Infinity), { showsHeartbeats: true })
  const dues = new Set<Due | undefined>()
  for (let time = 0; time < 200; time += 10) {
    const due = watch.look({ real: time, awake: time }, FLUSHED)
    if (due === 'heartbeat') watch.showedHeartbeat({ real: time, awake: time })
    dues.add(due)
  }
  t.ok(dues.has('heartbeat') && dues.has('idle'), [...dues].join(' '))
})

t.test('no heartbeat is due while bytes are waiting, and the silence begins when they have left', async (t) => {
  const watch = watching({ ...NEVER, heartbeatInterval: 100 }, 0, Infinity)
  const busy = writer({ isFlushed: false })
  for (let time = 0; time <= 5000; time += 10) t.equal(watch.look({ real: time, awake: time }, busy), undefined)
  const heard: number[] = []
  for (let time = 5010; time < 5110; time++) if (watch.look({ real: time, awake: time }, FLUSHED) === 'heartbeat') heard.push(time)
  t.ok(heard[0]! >= 5075, `first at ${heard[0]}`)
})

t.test('a write without an event does not keep a stream from being idle', async (t) => {
  const watch = watching({ ...NEVER, idleTimeout: 100 }, 0, Infinity)
  const dues = new Set<Due | undefined>()
  for (let time = 0; time < 1000; time += 10) {
    watch.gaveEvent = true
    dues.add(watch.look({ real: time, awake: time }, FLUSHED))
  }
  t.strictSame([...dues], [undefined])
  for (let time = 1000; time < 1200; time += 10) {
    watch.wrote = true
    dues.add(watch.look({ real: time, awake: time }, FLUSHED))
  }
  t.ok(dues.has('idle'))
})

t.test('a stream with events waiting to be sent is not idle', async (t) => {
  const watch = watching({ ...NEVER, idleTimeout: 100 }, 0, Infinity)
  const busy = writer({ isFlushed: false })
  for (let time = 0; time < 1000; time += 10) t.equal(watch.look({ real: time, awake: time }, busy), undefined)
  t.equal(watch.look({ real: 1080, awake: 1080 }, FLUSHED), undefined, 'idleTimeout begins when the events have left')
})

t.test('time in which the process was blocked counts towards age, expiry and heartbeat, and not towards idleness and stalls', async (t) => {
  const backlog = writer({ backlog: 1, isFlushed: false })
  const asleep = { real: 100_000, awake: 2 }
  const look = (timeouts: Partial<Timeouts>, of: ResponseWriter, expiresAt = Infinity): Due | undefined => {
    const watch = watching({ ...NEVER, ...timeouts }, 0, expiresAt)
    watch.look({ real: 0, awake: 0 }, of)
    watch.look({ real: 1, awake: 1 }, of)
    return watch.look(asleep, of)
  }
  t.equal(look({ maxLifetime: 1000 }, FLUSHED), 'lifetime')
  t.equal(look({}, FLUSHED, 1000), 'expired')
  t.equal(look({ heartbeatInterval: 1000 }, FLUSHED), 'heartbeat')
  t.equal(look({ idleTimeout: 1000 }, FLUSHED), undefined)
  t.equal(look({ stallTimeout: 1000 }, backlog), undefined)
})

t.test('stallTimeout begins again with every accepted byte, and with an empty backlog', async (t) => {
  const watch = watching({ ...NEVER, stallTimeout: 100 }, 0, Infinity)
  const state = writer({ backlog: 1, isFlushed: false, mark: 7 })
  const look = (time: number): Due | undefined => watch.look({ real: time, awake: time }, state)
  t.equal(look(0), undefined)
  t.equal(look(99), undefined)
  state.mark = 8
  t.equal(look(150), undefined)
  t.equal(look(249), undefined)
  t.equal(look(250), 'stalled')
  // The mark of a shared connection may stand still while this stream has nothing to send.
  state.backlog = 0
  t.equal(look(1000), undefined)
  state.backlog = 1
  t.equal(look(2000), undefined)
  t.equal(look(2100), 'stalled')
})

t.test('a stall takes precedence over every other deadline', async (t) => {
  const watch = watching({ heartbeatInterval: 1, stallTimeout: 100, idleTimeout: 1, maxLifetime: 1 }, 0, 1)
  const state = writer({ backlog: 1, isFlushed: false })
  t.equal(watch.look({ real: 0, awake: 0 }, state), undefined)
  t.equal(watch.look({ real: 50, awake: 50 }, state), 'expired')
  t.equal(watch.look({ real: 100, awake: 100 }, state), 'stalled')
})

t.test('progress of a shared connection extends stallTimeout of a stream to four times its length', async (t) => {
  const watch = watching({ ...NEVER, stallTimeout: 100 }, 0, Infinity)
  const state = writer({ backlog: 1, isFlushed: false })
  const look = (time: number): Due | undefined => watch.look({ real: time, awake: time }, state)
  for (let time = 0; time < 400; time += 10) {
    state.sharedMark++
    t.equal(look(time), undefined)
  }
  t.equal(look(400), 'stalled')
  state.mark++
  t.equal(look(410), undefined)
  t.equal(look(509), undefined)
  t.equal(look(510), 'stalled', 'stallTimeout is not extended without progress of the connection')
})

t.test('a stream is neither idle nor too old while it sends a source', async (t) => {
  const watch = watching({ ...NEVER, idleTimeout: 10, maxLifetime: 10, heartbeatInterval: 10 }, 0, Infinity)
  const dues = (from: number): Array<Due | undefined> => [0, 20, 40].map((time) => watch.look({ real: from + time, awake: from + time }, FLUSHED))
  watch.sources = 2
  t.strictSame(dues(0), [undefined, 'heartbeat', 'heartbeat'])
  watch.sources = 0
  t.strictSame(dues(100), ['lifetime', 'lifetime', 'lifetime'])
})
