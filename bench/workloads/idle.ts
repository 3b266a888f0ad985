import { setTimeout as sleep } from 'node:timers/promises'
import { PLAIN, type Cell } from '../driver/cell.ts'
import type { Workload } from '../driver/workload.ts'
import { perDelivery, type Figures } from '../driver/window.ts'
import { runCell } from './run-cell.ts'
import { streams } from './rows.ts'
import type { Scale } from './scale.ts'

const INTERVAL = 1000
const LULL = 500
const SECONDS = 2

export function idle ({ isSmoke }: Scale): Workload {
  const readers = isSmoke ? 50 : 10_000
  /** Readers that are open before the first measurement: memory that a server allocates only once must not count. */
  const first = isSmoke ? 10 : 500
  const crowd = { channels: 0, stalled: 0, bytes: 150, times: false, gzip: false, sessions: 0 }

  const openMore = async (cell: Cell): Promise<Figures> => {
    await cell.start(PLAIN)
    await cell.open({ ...crowd, readers: first })
    await sleep(LULL)
    const before = await cell.memory()
    await cell.open({ ...crowd, readers })
    await sleep(LULL)
    return { memory: (await cell.memory() - before) / readers / 1024 }
  }

  const listen = async (cell: Cell): Promise<Figures> => {
    await cell.start({ ...PLAIN, heartbeatInterval: INTERVAL })
    await cell.open({ ...crowd, readers })
    await sleep(INTERVAL)
    cell.load.tell('begin')
    const before = cell.cpu
    await sleep(SECONDS * 1000)
    const { reads } = await cell.counts()
    const after = cell.cpu
    if (before === undefined || after === undefined) return {}
    const used = { user: after.user - before.user, system: after.system - before.system }
    return { ...perDelivery(used, reads), heartbeats: reads / SECONDS / readers }
  }

  return {
    key: 'e',
    title: 'Idle connections',
    statement: `${readers.toLocaleString('en')} readers and no events: growth of RSS, garbage collected before and after; and, in another process, ` +
      `heartbeats each ${INTERVAL / 1000} s for ${SECONDS} s, counted by the reads at the readers`,
    columns: [
      { key: 'memory', title: 'RSS per connection, KB', digits: 1, ratio: true },
      { key: 'user', title: 'user CPU, µs per heartbeat', digits: 2 },
      { key: 'cpu', title: 'CPU, µs per heartbeat', digits: 2 },
      { key: 'heartbeats', title: 'heartbeats/s and reader', digits: 2 }
    ],
    reference: 'http-idle',
    plot: { column: 'memory', title: 'RSS per idle connection, KB' },
    rows: streams,
    async run (row, cores) {
      const memory = await runCell(row, cores, openMore)
      if (!row.can.heartbeats) return memory
      const heartbeats = await runCell(row, cores, listen)
      return { figures: { ...heartbeats.figures, ...memory.figures }, notes: [...memory.notes, ...heartbeats.notes] }
    }
  }
}
