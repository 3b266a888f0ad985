import t, { type Test } from 'tap'
import { cable, HERE, join, noNamespaces, within } from './namespaces.ts'
import { pause, Program, untilSeen } from './program.ts'
import type { Counted, ReaderCommands } from './readers.ts'
import type { ServerCommands, State } from './server.ts'

// A reader that vanishes: its network is cut, and the server gets neither a FIN nor a RST.

const MIB = 1024 * 1024
const PUBLISHED = 40 * MIB
const ALLOWED = 8 * MIB

interface Network {
  readonly server: Program<ServerCommands>
  /** Readers whose network is cut. */
  readonly far: Program<ReaderCommands>
  /** Sets the number of retries after which the kernel of the server gives up a connection. */
  retries (count: number): void
}

async function startNetwork (t: Test): Promise<Network> {
  const [server, far] = await Promise.all([
    Program.start<ServerCommands>(t, 'server.ts', { alone: true }),
    Program.start<ReaderCommands>(t, 'readers.ts', { alone: true })
  ])
  join(server.pid, far.pid)
  return { server, far, retries: (count) => { within(server.pid, 'sh', '-c', `echo ${count} > /proc/sys/net/ipv4/tcp_retries2`) } }
}

/** Starts readers that stay, in the network of the server. */
function startNear (t: Test, { server }: Network): Promise<Program<ReaderCommands>> {
  return Program.start(t, 'readers.ts', { within: server.pid })
}

const skip = noNamespaces()

t.test('a reader that vanishes while 10 MB/s are published', { skip }, async (t) => {
  t.jobs = 2
  const FILL = 50_000
  const NEAR = 2
  interface Flooded extends Network {
    readonly near: Program<ReaderCommands>
    readonly look: () => Promise<State>
    readonly before: State
  }
  const open = async (t: Test, stallTimeout: number | false): Promise<Flooded> => {
    const network = await startNetwork(t)
    const { server, far } = network
    const near = await startNear(t, network)
    const port = await server.call('listen', { host: '0.0.0.0', options: { stallTimeout, heartbeatInterval: false } })
    for (let n = 0; n < NEAR; n++) await near.call('openNumbered', port, '/events?name=near', FILL)
    const look = (): Promise<State> => server.call('state')
    await untilSeen(look, ({ count }) => count === NEAR)
    await far.call('open', HERE, port, '/events?name=far')
    await server.call('flood', { fill: FILL, bytesPerSecond: 10_000_000 })
    // By then the memory of the other readers and of the log is included.
    const before = await untilSeen(look, ({ last }) => last['*']! * FILL > 20 * MIB)
    cable(far.pid, 'down')
    return { ...network, near, look, before }
  }
  const checkOthers = async (t: Test, { near, server, look }: Flooded): Promise<void> => {
    const last = (await server.call('stopFloods'))['*']!
    const others = await untilSeen(() => near.call('counted'), (all) => all.every((one) => one.last === last))
    t.strictSame(others, Array(NEAR).fill({ first: 1, last, count: last, gaps: 0, faults: [], closed: false } satisfies Counted))
    t.strictSame((await look()).complaints, [])
  }

  t.test('is cut as `stalled` soon after `stallTimeout`, and the others get every event', async (t) => {
    const stallTimeout = 2000
    const network = await open(t, stallTimeout)
    const { closes, now } = await untilSeen(network.look, ({ closes }) => closes.length > 0)
    t.strictSame(closes.map(({ name, reason }) => [name, reason]), [['far', 'stalled']])
    const time = closes[0]!.at - network.before.now
    // Its socket goes on filling for a while, and the server checks it four times within the timeout.
    t.ok(time > stallTimeout - 100 && time < 2 * stallTimeout + 2000, `${Math.round(time)} ms after the cable was pulled, seen at ${Math.round(now)}`)
    await checkOthers(t, network)
  })

  t.test('costs no growing memory and closes as `reader` when the kernel gives it up, and the others get every event', async (t) => {
    const network = await open(t, false)
    const { server, look, before, retries } = network
    const usedBefore = await server.call('settlesAt', 0)
    await untilSeen(look, ({ last }) => (last['*']! - before.last['*']!) * FILL > PUBLISHED)
    const grown = await server.call('settlesAt', usedBefore + ALLOWED) - usedBefore
    t.ok(grown < ALLOWED, `${Math.round(grown / MIB)} MiB more in use`)
    t.strictSame((await look()).closes, [], 'its stream is still open')
    retries(1)
    const after = await untilSeen(look, ({ closes }) => closes.length > 0)
    t.strictSame(after.closes.map(({ name, reason }) => [name, reason]), [['far', 'reader']])
    await checkOthers(t, network)
  })
})

t.test('a reader that vanishes while nothing is published', { skip }, async (t) => {
  // The tests mostly wait.
  t.jobs = 2
  t.test('is not noticed without heartbeats, and goes on when its network is back', async (t) => {
    const { server, far, retries } = await startNetwork(t)
    retries(2)
    const port = await server.call('listen', { host: '0.0.0.0', options: { heartbeatInterval: false, stallTimeout: 500 } })
    const reader = await far.call('open', HERE, port, '/events?name=far')
    await server.call('publish', 1)
    // Without this wait the kernel could send bytes again in vain, and give the connection up.
    await untilSeen(() => far.call('heard', reader), ({ events }) => events.length === 2)
    await untilSeen(() => server.call('unacknowledged'), (bytes) => bytes === 0)
    cable(far.pid, 'down')
    await pause(3000)
    t.equal((await server.call('state')).count, 1)
    cable(far.pid, 'up')
    await server.call('publish', 1)
    const { events } = await untilSeen(() => far.call('heard', reader), ({ events }) => events.length === 3)
    t.strictSame(events.map(([event]) => event), ['sse.open', 'message', 'message'])
    t.strictSame((await server.call('state')).closes, [])
  })

  t.test('is noticed by its heartbeats when the kernel gives it up, and closes as `reader`', async (t) => {
    const network = await startNetwork(t)
    const { server, far, retries } = network
    const near = await startNear(t, network)
    retries(2)
    const port = await server.call('listen', { host: '0.0.0.0', options: { heartbeatInterval: 200, stallTimeout: 60_000 } })
    const look = (): Promise<State> => server.call('state')
    await far.call('open', HERE, port, '/events?name=far')
    await near.call('open', '127.0.0.1', port, '/events?name=near')
    cable(far.pid, 'down')
    const { closes, count, complaints } = await untilSeen(look, ({ closes }) => closes.length > 0)
    t.strictSame(closes.map(({ name, reason }) => [name, reason]), [['far', 'reader']])
    t.equal(count, 1)
    t.strictSame(complaints, [])
  })
})
