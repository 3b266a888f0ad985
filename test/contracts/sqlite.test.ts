import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { sqliteBroker } from '../../brokers/sqlite/index.ts'
import { brokerContract } from '../../testing/contract/broker-contract.ts'
import { needsDriver } from '../brokers/sqlite/nodes.ts'

t.test('the SQLite broker keeps the contract', needsDriver, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sqlite-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'events.db')
  for (const { title, check } of brokerContract({ createBroker: () => sqliteBroker({ file }) })) await t.test(title, check)
})
