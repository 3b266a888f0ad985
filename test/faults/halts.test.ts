import t, { type Test } from 'tap'
import type { SsePluginOptions } from '../../plugin.ts'
import { NumberedReader } from '../flows/numbered-reader.ts'
import { RawReader, until } from '../flows/raw-reader.ts'
import { pause, Program, untilSeen } from './program.ts'
import type { ServerCommands, State } from './server.ts'

// The server halts for a while, and its readers do not. Halted time counts against no reader.

// The tests mostly wait.
t.jobs = 2

const FILL = 100_000
const EVENTS = 100
const READERS = 10

interface Halting {
  readonly server: Program<ServerCommands>
  readonly port: number
  readonly readers: readonly NumberedReader[]
  /** A reader of the channel `marks` that keeps all events in order. */
  readonly witness: RawReader
  look (): Promise<State>
}

async function start (t: Test, options: SsePluginOptions): Promise<Halting> {
  const server = await Program.start<ServerCommands>(t, 'server.ts')
  const port = await server.call('listen', { options: { heartbeatEvent: true, history: { maxBytes: 64_000_000 }, ...options } })
  const readers = Array.from({ length: READERS }, () => new NumberedReader(port, FILL).connect({ path: '/events?name=healthy' }))
  t.after(() => { for (const { socket } of readers) socket.destroy() })
  const witness = (await RawReader.connect(t, port)).ask('GET /events?name=witness&channel=marks')
  const look = (): Promise<State> => server.call('state')
  await untilSeen(look, ({ count }) => count === READERS + 1)
  return { server, port, readers, witness, look }
}

/** The number of heartbeats between the two newest marks. */
function heartbeatsBetweenMarks ({ events }: RawReader): number {
  const numbers = events.flatMap(({ event }, at) => event === undefined ? [at] : [])
  return events.slice(numbers.at(-2)! + 1, numbers.at(-1)).filter(({ event }) => event === 'sse.heartbeat').length
}

function checkWhole (t: Test, readers: readonly NumberedReader[], last: number): void {
  for (const { first, count, faults, gaps } of readers) {
    if (first !== 1 || count !== last || faults.length > 0 || gaps.length > 0) t.fail('lost, duplicated or torn', { first, count, faults, gaps })
  }
}

t.test('an event loop blocked for 5 s, with 10 MB under way and timeouts of 1 to 2 s, closes no stream and causes no burst of heartbeats', async (t) => {
  const idleTimeout = 2000
  const { server, readers, witness, look } = await start(t, { heartbeatInterval: 300, stallTimeout: 1000, idleTimeout })
  const lastEventAt = await server.call('block', 5000, EVENTS, FILL)
  // The timeouts still apply afterwards.
  const { closes, complaints } = await untilSeen(look, ({ count }) => count === 0)
  await until(() => witness.answers[0]!.complete && readers.every(({ complete }) => complete))
  checkWhole(t, readers, EVENTS + 1)
  t.equal(witness.events.filter(({ event }) => event === undefined).length, 2)
  t.ok(heartbeatsBetweenMarks(witness) <= 1, `${heartbeatsBetweenMarks(witness)} heartbeats`)
  for (const { name, reason, at } of closes) {
    if (reason !== 'idle' || at < lastEventAt + idleTimeout) t.fail('closed too early', { name, reason, after: at - lastEventAt })
  }
  t.strictSame(complaints, [])
})

t.test('a process stopped for 10 s, longer than `stallTimeout` and `idleTimeout`, closes only the expired and the stalled stream', async (t) => {
  const stallTimeout = 3000
  const { server, port, readers, witness, look } = await start(t, { heartbeatInterval: 1000, stallTimeout, idleTimeout: 5000 })
  const open = async (query: string, paused: boolean): Promise<NumberedReader> => {
    const { count } = await look()
    const reader = new NumberedReader(port, FILL).connect({ path: `/events?${query}`, paused })
    t.after(() => reader.socket.destroy())
    await untilSeen(look, (state) => state.count > count)
    return reader
  }
  const stalled = await open('name=stalled', true)
  const sleeps = await open('name=sleeps', true)
  const later = await open('name=later&expiresIn=600000', false)
  await open('name=passed&expiresIn=4000', false)
  const { now: publishedAt, wall } = await look()
  const last = await server.call('publish', EVENTS, FILL)
  const { stats } = await untilSeen(look, () => [...readers, later].every((reader) => reader.last === last))
  t.ok(stats.lag > 0, 'two readers lag')
  await server.call('publish', 1, 0, 'marks')
  server.signal('SIGSTOP')
  const stoppedAt = Date.now() - wall + publishedAt
  await pause(10_000)
  sleeps.resume()
  const resumedAt = Date.now() - wall + publishedAt
  server.signal('SIGCONT')
  const { now: awakeAt } = await look()
  const next = await server.call('publish', 1, FILL)
  await server.call('publish', 1, 0, 'marks')
  await witness.seesEvents(undefined, 2)
  await until(() => [...readers, later, sleeps].every((reader) => reader.last === next || reader.closed))
  const { closes } = await untilSeen(look, ({ closes }) => closes.length >= 2)

  t.strictSame(closes.map(({ name, reason }) => `${name}: ${reason}`).sort(), ['passed: expired', 'stalled: stalled'])
  checkWhole(t, [...readers, later, sleeps], next)
  t.notOk([...readers, later, sleeps, witness].some(({ closed }) => closed))
  t.ok(heartbeatsBetweenMarks(witness) <= 2, `${heartbeatsBetweenMarks(witness)} heartbeats`)
  const at = (name: string): number => Math.round(closes.find((close) => close.name === name)!.at - awakeAt)
  t.ok(at('passed') < 3000, `the expired stream ends ${at('passed')} ms after the process resumes`)
  const ran = Math.round(stoppedAt - publishedAt + closes.find(({ name }) => name === 'stalled')!.at - resumedAt)
  // A halt counts as a quarter of the timeout at most.
  t.ok(ran >= 3 / 4 * stallTimeout, `the process ran for ${ran} ms before it cut the stalled stream`)
  t.strictSame((await look()).complaints, [])
  stalled.cut()
})
