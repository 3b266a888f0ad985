import t from 'tap'
import { HoppingReader } from '../brokers/hopping-reader.ts'
import { needsDriver } from '../brokers/sqlite/nodes.ts'
import { untilSeen } from '../faults/program.ts'
import { CLEAN, Example } from './example.ts'

t.test('the pages of the durable demo go on without a gap, however often it is killed', needsDriver, async (t) => {
  const example = await Example.start(t, 'durable', { KILL_AFTER: '5' })
  const port = Number(new URL(example.page).port)
  const starts = (): number => example.printed.filter((line) => line.includes('"start"')).length
  await untilSeen(async () => example.printed.some((line) => line.includes(`Server listening at ${example.page}`)), Boolean)
  const reader = new HoppingReader(() => [port])
  t.teardown(() => reader.close())
  await reader.connect()
  await untilSeen(async () => starts(), (count) => count >= 3)
  const { length } = reader.payloads
  await reader.until(() => reader.payloads.length > length + 1)
  t.ok(reader.connections >= 3)
  t.strictSame(reader.gaps, [])
  t.equal(new Set(reader.payloads).size, reader.payloads.length)
  t.strictSame(await example.stop('SIGINT'), CLEAN)
})
