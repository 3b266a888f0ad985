import { PLAIN } from '../driver/cell.ts'
import { publishAll } from '../driver/publish.ts'
import type { Row, Workload } from '../driver/workload.ts'
import { measure } from '../driver/window.ts'
import { CORE, CPU, DOUBLES, GROWTH, LATE, LOST, USER } from './columns.ts'
import { runCell } from './run-cell.ts'
import { serversThatCan } from './rows.ts'
import type { Scale } from './scale.ts'

const BYTES = 1500
const PATIENCE = 3000
const GZIP = ' gzip'

export function compression ({ isSmoke }: Scale): Workload {
  const readers = isSmoke ? 10 : 200
  const { perSecond, seconds } = isSmoke ? { perSecond: 50, seconds: 0.6 } : { perSecond: 50, seconds: 2.5 }
  return {
    key: 'j',
    title: 'Compression',
    statement: `${readers} readers that accept gzip; ${perSecond} events/s of ${BYTES.toLocaleString('en')} bytes of varied text; ` +
      'each server with compression and without (memory: growth while it publishes)',
    columns: [{ key: 'wire', title: 'bytes on the wire per event', digits: 0, ratio: true }, CPU, USER, CORE, GROWTH, LOST, DOUBLES, LATE],
    reference: 'typed-sse',
    rows: (rows) => serversThatCan('compress')(rows).filter(({ server }) => server !== 'floor').flatMap(bothWays),
    run: (row, cores) => runCell(row, cores, async (cell) => {
      await cell.start({ ...PLAIN, compress: row.isVariant === true })
      await cell.open({ readers, channels: 0, stalled: 0, bytes: BYTES, times: false, gzip: true, sessions: 0 })
      const limit = PATIENCE + seconds * 1000
      const plan = { kind: 'pace', perSecond, seconds, bytes: BYTES } as const
      return measure(cell, { readers, planned: perSecond * seconds, limit, publish: () => publishAll(cell, plan, limit) })
    })
  }
}

function bothWays (row: Row): Row[] {
  return [row, { ...row, key: `${row.key}${GZIP}`, title: `${row.title}, compressed`, isVariant: true }]
}
