import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Program } from '../../faults/program.ts'
import { HoppingReader } from '../hopping-reader.ts'
import type { commands } from '../node.ts'
import { needsDriver } from './nodes.ts'

const KILLS = 50
const PER_SECOND = 1000

t.test('fifty times a node is killed while it publishes 1,000 events a second: its readers lose nothing and get nothing twice', needsDriver, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sqlite-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const placedFile = join(folder, 'placed')
  const broker = { sqlite: { file: join(folder, 'events.db') } }
  let port = 0
  const start = async (): Promise<Program<typeof commands>> => {
    const node = await Program.start<typeof commands>({ after: (callback) => t.teardown(callback), fail: () => {} }, '../brokers/node.ts')
    port = await node.call('listen', { broker, port, placedFile, options: { history: { maxEvents: Infinity, maxBytes: 64 * 1024 * 1024 } } })
    return node
  }
  const publish = (node: Program<typeof commands>, name: string): void => {
    void node.call('publish', { name, count: 1e6, every: 1000 / PER_SECOND }).catch(() => {})
  }

  let node = await start()
  const readers = Array.from({ length: 5 }, () => new HoppingReader(() => [port]))
  t.teardown(() => { for (const reader of readers) reader.close() })
  await Promise.all(readers.map((reader) => reader.connect()))
  publish(node, 'n0')
  for (let kill = 1; kill <= KILLS; kill++) {
    // Killed between any two of its steps: not at a moment of its choice, but after so many events.
    const seen = readers[0]!.payloads.length
    await readers[0]!.until(() => readers[0]!.payloads.length > seen + 50 + kill)
    node.signal('SIGKILL')
    node = await start()
    publish(node, `n${kill}`)
  }
  await Promise.all(readers.map((reader) => reader.until(() => reader.payloads.some((payload) => payload.startsWith(`n${KILLS}.`)))))
  // Only what was acknowledged before the last kill: the last node is publishing still.
  const placed = readFileSync(placedFile, 'utf8').split('\n').slice(0, -1).filter((payload) => !payload.startsWith(`n${KILLS}.`))
  t.ok(placed.length > KILLS * 50, `${placed.length} events were placed`)
  const order = readers[0]!.payloads
  for (const reader of readers) {
    const got = new Set(reader.payloads)
    t.equal(got.size, reader.payloads.length, 'nothing comes twice')
    t.strictSame(placed.filter((payload) => !got.has(payload)), [], 'everything that was placed has come')
    const common = Math.min(order.length, reader.payloads.length)
    t.strictSame(reader.payloads.slice(0, common).join(), order.slice(0, common).join(), 'one order')
    t.strictSame(reader.gaps, [])
    t.ok(reader.connections > KILLS)
  }
})
