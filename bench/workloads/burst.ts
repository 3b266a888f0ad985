import { PLAIN } from '../driver/cell.ts'
import { publishAll } from '../driver/publish.ts'
import type { Workload } from '../driver/workload.ts'
import { measure } from '../driver/window.ts'
import { CPU, DOUBLES, LATE, LOST, PEAK } from './columns.ts'
import { runCell } from './run-cell.ts'
import { servers } from './rows.ts'
import type { Scale } from './scale.ts'

const BYTES = 150
const LIMIT = 15_000

export function burst ({ isSmoke }: Scale): Workload {
  const readers = isSmoke ? 20 : 500
  const count = isSmoke ? 200 : 1000
  return {
    key: 'i',
    title: 'Burst',
    statement: `${count.toLocaleString('en')} events of ${BYTES} bytes in one turn of the loop, to ${readers} readers, which have ${LIMIT / 1000} s to get them`,
    columns: [{ key: 'took', title: 'all had all after, ms', digits: 0, ratio: true }, LOST, DOUBLES, LATE, { key: 'loopMax', title: 'loop delay max, ms', digits: 0 }, PEAK, CPU],
    reference: 'floor',
    rows: servers,
    run: (row, cores) => runCell(row, cores, async (cell) => {
      await cell.start(PLAIN)
      await cell.open({ readers, channels: 0, stalled: 0, bytes: BYTES, times: false, gzip: false, sessions: 0 })
      const plan = { kind: 'burst', count, bytes: BYTES } as const
      return measure(cell, { readers, planned: count, limit: LIMIT, publish: () => publishAll(cell, plan, LIMIT) })
    })
  }
}
