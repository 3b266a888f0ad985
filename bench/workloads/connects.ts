import { setTimeout as sleep } from 'node:timers/promises'
import { PLAIN } from '../driver/cell.ts'
import type { Workload } from '../driver/workload.ts'
import { perDelivery } from '../driver/window.ts'
import { runCell } from './run-cell.ts'
import { servers } from './rows.ts'
import type { Scale } from './scale.ts'

const CONCURRENCY = 32
const STEADY = 0.5
/** Milliseconds until the last streams are closed. */
const LULL = 100

export function connects ({ isSmoke }: Scale): Workload {
  const seconds = isSmoke ? 0.3 : 2.5
  return {
    key: 'g',
    title: 'Connects',
    statement: `Connect, ask, take the first bytes of the answer and close, ${CONCURRENCY} at a time, for ${seconds} s`,
    columns: [
      { key: 'rate', title: 'connects/s', digits: 0 },
      { key: 'user', title: 'user CPU, µs per connect', digits: 0, ratio: true },
      { key: 'system', title: 'system CPU, µs per connect', digits: 0 },
      { key: 'cpu', title: 'CPU, µs per connect', digits: 0, ratio: true },
      { key: 'failed', title: 'failed', digits: 0 }
    ],
    reference: 'floor',
    rows: servers,
    run: (row, cores) => runCell(row, cores, async (cell) => {
      await cell.start(PLAIN)
      await cell.visit({ seconds: STEADY, concurrency: CONCURRENCY })
      const before = cell.cpu
      const { visits, failed, seconds: took } = await cell.visit({ seconds, concurrency: CONCURRENCY })
      await sleep(LULL)
      const after = cell.cpu
      if (before === undefined || after === undefined) return { failed }
      const used = { user: after.user - before.user, system: after.system - before.system }
      return { ...perDelivery(used, visits), rate: visits / took, failed, expected: visits }
    })
  }
}
