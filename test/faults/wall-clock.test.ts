import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { NumberedReader } from '../flows/numbered-reader.ts'
import { RawReader, until } from '../flows/raw-reader.ts'
import { notInstalled } from '../support/system.ts'
import { Program, untilSeen } from './program.ts'
import type { ServerCommands, State } from './server.ts'

// The tests mostly wait.
t.jobs = 2

const HOUR = 3_600_000
const MAX_AGE = 6000
const HEARTBEAT = 200

/** libfaketime, which shifts the clock of a process, at its path in Debian. */
const library = readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'faketime/libfaketimeMT.so.1')).find((path) => existsSync(path))
const skip = library === undefined && notInstalled('libfaketime')

/** Starts a server whose wall clock a test can move. */
async function startElsewhen (t: Test): Promise<{ server: Program<ServerCommands>, move: (milliseconds: number) => void }> {
  const folder = t.testdir({ offset: '+0\n' })
  const server = await Program.start<ServerCommands>(t, 'server.ts', {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: join(folder, 'offset'),
      FAKETIME_NO_CACHE: '1',
      // The names of one option, in newer and in older versions.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1'
    }
  })
  const move = (milliseconds: number): void => {
    // Atomically: a half-written file would hold yet another time.
    writeFileSync(join(folder, 'next'), `${milliseconds < 0 ? '' : '+'}${milliseconds / 1000}\n`)
    renameSync(join(folder, 'next'), join(folder, 'offset'))
  }
  return { server, move }
}

for (const [way, offset] of [['forward', HOUR], ['back', -HOUR]] as const) {
  t.test(`a wall clock that is set an hour ${way}`, { skip }, async (t) => {
    const { server, move } = await startElsewhen(t)
    const port = await server.call('listen', {
      options: {
        heartbeatInterval: HEARTBEAT,
        heartbeatEvent: true,
        stallTimeout: 20_000,
        idleTimeout: 30_000,
        maxLifetime: 60_000,
        history: { maxAge: MAX_AGE }
      }
    })
    const look = (): Promise<State> => server.call('state')
    const { lastEventId: beginning } = await look()
    const open = (query: string): NumberedReader => {
      const reader = new NumberedReader(port).connect({ path: `/events?${query}` })
      t.after(() => reader.socket.destroy())
      return reader
    }
    const readers = [open('name=plain'), open('name=later&expiresIn=1800000'), open('name=before&expiresIn=2500')]
    const witness = (await RawReader.connect(t, port)).ask('GET /events?name=witness')
    await until(() => readers.every(({ opens }) => opens === 1))
    await witness.seesEvents('sse.heartbeat')
    await server.call('publish', 5)
    const before = await look()
    move(offset)
    const moved = await look()
    t.ok(Math.abs(moved.wall - before.wall - offset) < HOUR / 2 && moved.now - before.now < HOUR / 2, 'only the wall clock of the server has moved')

    t.test('changes no age in the history', async (t) => {
      const early = open(`name=early&lastEventId=${beginning}`)
      await until(() => early.last === 5)
      t.strictSame(early.gaps, [])
      await untilSeen(look, ({ now }) => now > before.now + MAX_AGE)
      await server.call('publish', 1)
      const late = open(`name=late&lastEventId=${beginning}`)
      await until(() => late.last === 6)
      t.match(late.gaps, [{ reason: 'evicted' }])
      t.strictSame([late.first, early.last], [6, 6])
    })

    t.test('does not move the expiry of streams that opened before or after', async (t) => {
      open('name=after&expiresIn=1500')
      const { closes } = await untilSeen(look, ({ closes }) => closes.length >= 2)
      t.strictSame(closes.map(({ name, reason }) => `${name}: ${reason}`), ['before: expired', 'after: expired'])
      for (const { name, at, openedAt } of closes) {
        const [lived, expected] = [at - openedAt, name === 'before' ? 2500 : 1500]
        t.ok(lived > expected - 200 && lived < expected + 3000, `after ${Math.round(lived)} of ${expected} ms`)
      }
    })

    t.test('changes no heartbeat and closes no other stream', async (t) => {
      const { closes, now, complaints } = await look()
      t.equal(closes.length, 2)
      const heartbeats = witness.events.filter(({ event }) => event === 'sse.heartbeat').length
      // A heartbeat comes after 75 % of its interval at the earliest.
      t.ok(heartbeats > 5 && heartbeats < (now - before.now) / (0.75 * HEARTBEAT) + 10, `${heartbeats} heartbeats`)
      t.strictSame(complaints, [])
      t.notOk(witness.closed || readers[0]!.closed || readers[1]!.closed)
    })
  })
}
