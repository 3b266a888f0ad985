import t from 'tap'
import type { TokenRecord } from '../../../brokers/engine/engine.ts'
import { Retention } from '../../../brokers/engine/retention.ts'
import type { Position } from '../../../lib/broker/position.ts'
import { createRecord } from '../../../testing/contract/contract-node.ts'

const MIB = 1024 * 1024

const at = (offset: number): Position => ({ epoch: '0000000001', offset })
const records = (size: number): TokenRecord[] => [{ token: { publisher: 'test', counter: 1 }, record: createRecord('x'.repeat(size)) }]

t.test('the engine keeps twice as many entries as this process', async (t) => {
  const retention = new Retention({ maxEvents: 10_000, maxBytes: 16 * MIB, keepFor: Infinity })
  t.equal(retention.forgetBefore(at(40_000), at(50_000), records(100)), 30_000)
  t.equal(retention.forgetBefore(at(49_900), at(50_000), records(100)), 48_900, 'at least a thousand')
  t.equal(retention.forgetBefore(at(49_900), at(50_000), records(4 * MIB)), 49_800, 'fewer if they are large')
  t.equal(retention.forgetBefore(at(50), at(60), records(100)), 0)
})

t.test('an entry that nothing replaces does not keep everything after it', async (t) => {
  const byCount = new Retention({ maxEvents: 2000, maxBytes: Infinity, keepFor: Infinity })
  t.equal(byCount.forgetBefore(at(5), at(1_000_000), records(100)), 996_000)
  const byBytes = new Retention({ maxEvents: Infinity, maxBytes: MIB, keepFor: Infinity })
  for (let offset = 1; offset <= 100_000; offset++) byBytes.placed(offset, 100)
  const before = byBytes.forgetBefore(at(5), at(100_000), records(100))
  // Two MiB are 20,971 records of this size. A mark stands every eighth of a MiB.
  t.ok(before <= 100_000 - 20_971 && before > 100_000 - 20_971 - 2 * 1311, String(before))
  byBytes.begin()
  t.equal(byBytes.forgetBefore(at(0), at(100), records(100)), 0)
})
