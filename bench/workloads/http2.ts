import { PLAIN } from '../driver/cell.ts'
import { publishInTurn } from '../driver/publish.ts'
import type { Workload } from '../driver/workload.ts'
import { measure } from '../driver/window.ts'
import { CORE, CPU, DOUBLES, LATE, LOST, RATE, SYSTEM, USER } from './columns.ts'
import { runCell } from './run-cell.ts'
import { serversThatCan } from './rows.ts'
import type { Scale } from './scale.ts'

const BYTES = 150
// Seconds. V8's compiler works on the same core for about as long.
const WARM_UP = 2

export function http2 ({ isSmoke }: Scale): Workload {
  const [sessions, streams] = isSmoke ? [2, 10] : [10, 100]
  const readers = sessions * streams
  const loop = isSmoke ? { count: 100, seconds: 10 } : { count: 1e9, seconds: 4 }
  return {
    key: 'k',
    title: 'HTTP/2',
    statement: `${streams} streams on each of ${sessions} connections; one event of ${BYTES} bytes at a time, the next when all readers have it`,
    columns: [USER, SYSTEM, CPU, RATE, CORE, LOST, DOUBLES, LATE],
    reference: 'floor',
    rows: serversThatCan('http2'),
    run: (row, cores) => runCell(row, cores, async (cell) => {
      await cell.start({ ...PLAIN, http2: true })
      await cell.open({ readers, channels: 0, stalled: 0, bytes: BYTES, times: false, gzip: false, sessions })
      await publishInTurn(cell, { readers, bytes: BYTES, count: 1e9, seconds: isSmoke ? 0.05 : WARM_UP })
      return measure(cell, { readers, limit: 1000 * loop.seconds + 1000, publish: () => publishInTurn(cell, { readers, bytes: BYTES, ...loop }) })
    })
  }
}
