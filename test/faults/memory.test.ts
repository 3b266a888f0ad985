import t from 'tap'
import { NumberedReader } from '../flows/numbered-reader.ts'
import { until } from '../flows/raw-reader.ts'
import { Program, untilSeen } from './program.ts'
import type { Flood, ServerCommands, State } from './server.ts'

const MIB = 1024 * 1024

// 60 MB a second in all.
const FLOODS: ReadonlyArray<Required<Flood>> = [
  { channel: 'small', fill: 200, bytesPerSecond: 4_000_000 },
  { channel: 'middle', fill: 4_000, bytesPerSecond: 16_000_000 },
  { channel: 'large', fill: 64_000, bytesPerSecond: 20_000_000 },
  { channel: 'huge', fill: 900_000, bytesPerSecond: 20_000_000 }
]
const STALLED = 25
const HEALTHY = 2
const PUBLISHED = 300_000_000

// Observed: 70 to 85 MiB more than before the first event. The log takes 16, 100 sockets take 25 plus an event or a batch each, and
// evicted events wait for the next garbage collection.
const ALLOWED = 256 * MIB

t.test('a server with a heap of 128 MiB, 100 stalled readers, 8 healthy ones, and 60 MB/s', async (t) => {
  const server = await Program.start<ServerCommands>(t, 'server.ts', { nodeOptions: ['--max-old-space-size=128'] })
  const port = await server.call('listen', { options: { stallTimeout: false } })
  const look = (): Promise<State> => server.call('state')
  const readers = (count: number, paused: boolean): Array<{ channel: string, reader: NumberedReader }> => FLOODS.flatMap(({ channel, fill }) =>
    Array.from({ length: count }, () => ({ channel, reader: new NumberedReader(port, fill).connect({ path: `/events?channel=${channel}`, paused }) })))
  const stalled = readers(STALLED, true)
  const healthy = readers(HEALTHY, false)
  t.after(() => { for (const { reader } of [...stalled, ...healthy]) reader.socket.destroy() })
  const before = await untilSeen(look, ({ count }) => count === stalled.length + healthy.length)

  for (const flood of FLOODS) await server.call('flood', flood)
  const published = ({ last }: State): number => FLOODS.reduce((sum, { channel, fill }) => sum + (last[channel] ?? 0) * fill, 0)
  let most = 0
  await untilSeen(look, (state) => {
    most = Math.max(most, state.rss - before.rss)
    return published(state) >= PUBLISHED
  })
  const last = await server.call('stopFloods')

  t.test('uses at most the stated memory', async (t) => {
    t.ok(most < ALLOWED, `${Math.round(most / MIB)} of ${Math.round(ALLOWED / MIB)} MiB`)
    t.strictSame((await look()).complaints, [])
  })

  t.test('delivers every event, or a gap, to the healthy readers', async (t) => {
    await until(() => healthy.every(({ reader, channel }) => reader.last === last[channel] || reader.closed))
    for (const { channel, reader: { first, faults, gaps, closed } } of healthy) {
      const isTold = first === 1 || gaps.length > 0
      if (!isTold || faults.length > 0 || closed) t.fail('lost without a gap, torn or cut', { channel, first, faults, gaps, closed })
    }
    for (const { channel } of FLOODS) {
      const those = healthy.filter((one) => one.channel === channel)
      const heard = those.reduce((sum, { reader }) => sum + reader.count, 0) / those.length
      t.ok(heard > 0, `${channel}: ${Math.round(heard)} of ${last[channel]}, ${those.reduce((sum, { reader }) => sum + reader.gaps.length, 0)} gaps`)
    }
  })

  t.test('delivers a gap to the stalled readers when they resume, and then live events', async (t) => {
    t.strictSame((await look()).closes, [])
    for (const { reader } of stalled) reader.resume()
    await until(() => stalled.every(({ reader, channel }) => reader.last === last[channel] || reader.closed))
    for (const { channel, reader: { first, faults, gaps, closed } } of stalled) {
      // On a busy machine even the first event may have been evicted.
      if (gaps.length === 0 || faults.length > 0 || closed) t.fail('lost without a gap, torn or cut', { channel, first, faults, gaps, closed })
    }
    const more = Object.fromEntries(await Promise.all(FLOODS.map(async ({ channel, fill }) => [channel, await server.call('publish', 1, fill, channel)])))
    await until(() => [...healthy, ...stalled].every(({ reader, channel }) => reader.last === more[channel]))
    const { stats } = await look()
    t.equal([...healthy, ...stalled].reduce((sum, { reader }) => sum + reader.gaps.length, 0), stats.gaps.slow)
  })
})
