import { PLAIN } from '../driver/cell.ts'
import { publishInTurn } from '../driver/publish.ts'
import type { Workload } from '../driver/workload.ts'
import { measure } from '../driver/window.ts'
import { CORE, CPU, DOUBLES, LATE, LOST, RATE, SYSTEM, USER } from './columns.ts'
import { runCell } from './run-cell.ts'
import { servers } from './rows.ts'
import type { Scale } from './scale.ts'

const BYTES = 150
// Seconds. V8's compiler works on the same core for about as long.
const WARM_UP = 2

export function fanOut ({ isSmoke }: Scale): Workload {
  const readers = isSmoke ? 20 : 1000
  const loop = isSmoke ? { count: 200, seconds: 10 } : { count: 1e9, seconds: 4 }
  return {
    key: 'a',
    title: 'Fan-out',
    statement: `${readers.toLocaleString('en')} readers; one event of ${BYTES} bytes at a time, the next when all readers have it`,
    columns: [USER, SYSTEM, CPU, RATE, CORE, LOST, DOUBLES, LATE],
    reference: 'floor',
    plot: { column: 'user', title: 'User CPU per delivery, µs' },
    rows: servers,
    run: (row, cores) => runCell(row, cores, async (cell) => {
      await cell.start(PLAIN)
      await cell.open({ readers, channels: 0, stalled: 0, bytes: BYTES, times: false, gzip: false, sessions: 0 })
      await publishInTurn(cell, { readers, bytes: BYTES, count: 1e9, seconds: isSmoke ? 0.05 : WARM_UP })
      return measure(cell, { readers, limit: 1000 * loop.seconds + 1000, publish: () => publishInTurn(cell, { readers, bytes: BYTES, ...loop }) })
    })
  }
}
