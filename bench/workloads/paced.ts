import { PLAIN, type Cell } from '../driver/cell.ts'
import { publishAll } from '../driver/publish.ts'
import type { Workload } from '../driver/workload.ts'
import type { Column } from '../report/columns.ts'
import { measure, type Figures } from '../driver/window.ts'
import { CORE, CPU, DOUBLES, GROWTH, LATE, LATENCY, LOOP, LOOP99, LOST, PEAK, RATE, SYSTEM, USER } from './columns.ts'
import { runCell } from './run-cell.ts'
import { brokers, servers } from './rows.ts'
import type { Scale } from './scale.ts'

// The workloads that publish at a fixed rate: latency, overload, many readers, stalled readers.

interface Pace {
  readonly key: string
  readonly title: string
  readonly note?: string
  readonly readers: number
  readonly stalled?: number
  readonly perSecond: number
  readonly seconds: number
  readonly bytes: number
  readonly times: boolean
  readonly columns: readonly Column[]
  readonly plot?: NonNullable<Workload['plot']>
  readonly rows?: Workload['rows']
  readonly reference?: string
}

/** Milliseconds that the readers have after the end of publishing. */
const PATIENCE = 3000
const STEADY = 0.4

/** Makes a workload that publishes at a fixed rate, whatever the server does. */
function paced (pace: Pace): Workload {
  const { readers, stalled = 0, perSecond, seconds, bytes, times } = pace
  const statement = `${readers.toLocaleString('en')} readers${stalled > 0 ? `, ${stalled} of them stalled` : ''}; ` +
    `${perSecond.toLocaleString('en')} events/s of ${bytes.toLocaleString('en')} bytes for ${seconds} s${pace.note ?? ''}`
  return {
    reference: 'floor',
    rows: servers,
    ...pace,
    statement,
    run: (row, cores) => runCell(row, cores, async (cell) => {
      await cell.start(PLAIN)
      await cell.open({ readers, channels: 0, stalled, bytes, times, gzip: false, sessions: 0 })
      const publish = async (duration: number, patience = PATIENCE) => measure(cell, {
        readers: readers - stalled,
        planned: Math.round(perSecond * duration),
        limit: patience + duration * 1000,
        publish: () => publishAll(cell, { kind: 'pace', perSecond, seconds: duration, bytes }, patience + duration * 1000)
      })
      // A workload that measures a steady state must not include the warm-up of the compiler.
      if (times && stalled === 0) await warmUp(cell, () => publish(STEADY, 3 * PATIENCE))
      return publish(seconds)
    })
  }
}

/** Warms up the server. Events that arrive late would count in the measurement, so they become a note. */
async function warmUp (cell: Cell, publish: () => Promise<Figures>): Promise<void> {
  const { late = 0 } = await publish()
  if (late > 0) cell.notes.add('had not caught up with the warm-up')
}

const SHARE: Column = { key: 'share', title: 'delivered, %', digits: 1 }

export function latency ({ isSmoke }: Scale): Workload {
  return paced({
    key: 'b',
    title: 'Latency',
    ...isSmoke ? { readers: 20, perSecond: 100, seconds: 0.5 } : { readers: 1000, perSecond: 100, seconds: 2.5 },
    bytes: 150,
    times: true,
    columns: [USER, SYSTEM, CPU, CORE, ...LATENCY, LOST, DOUBLES, LATE]
  })
}

export function overload ({ isSmoke }: Scale): Workload {
  return paced({
    key: 'c',
    title: 'Overload',
    ...isSmoke ? { readers: 20, perSecond: 1000, seconds: 0.2 } : { readers: 1000, perSecond: 5000, seconds: 2 },
    note: ', however far behind the server is, and 3 s more',
    bytes: 150,
    times: false,
    columns: [RATE, SHARE, LOST, DOUBLES, LATE, LOOP99, CPU, USER, GROWTH, PEAK],
    plot: { column: 'rate', title: 'Deliveries per second under 5,000 events/s' }
  })
}

export function crowd ({ isSmoke }: Scale): Workload {
  return paced({
    key: 'd',
    title: 'Ten thousand readers',
    ...isSmoke ? { readers: 200, perSecond: 20, seconds: 0.5 } : { readers: 10_000, perSecond: 20, seconds: 2.5 },
    bytes: 150,
    times: true,
    columns: [...LATENCY, ...LOOP, USER, SYSTEM, CORE, LOST, DOUBLES, LATE],
    plot: { column: 'loop99', title: 'Event-loop delay p99, ms' }
  })
}

export function stalled ({ isSmoke }: Scale): Workload {
  return paced({
    key: 'h',
    title: 'Stalled readers',
    ...isSmoke ? { perSecond: 500, seconds: 0.4 } : { perSecond: 2000, seconds: 4 },
    readers: 25,
    stalled: 5,
    note: '; all but memory counts the healthy ones alone',
    bytes: 1024,
    times: true,
    columns: [LOST, DOUBLES, LATE, ...LATENCY, LOOP99, GROWTH, PEAK, CPU]
  })
}

export function brokerLatency ({ isSmoke }: Scale): Workload {
  return paced({
    key: 'l',
    title: 'Brokers: latency',
    ...isSmoke ? { readers: 20, perSecond: 100, seconds: 0.5 } : { readers: 100, perSecond: 100, seconds: 5 },
    note: '; the CPU time of the engine does not count',
    bytes: 150,
    times: true,
    rows: brokers,
    reference: 'typed-sse',
    columns: [...LATENCY, USER, CPU, LOST, DOUBLES, LATE]
  })
}

export function brokerOverload ({ isSmoke }: Scale): Workload {
  return paced({
    key: 'm',
    title: 'Brokers: events/s',
    ...isSmoke ? { readers: 5, perSecond: 1000, seconds: 0.2 } : { readers: 10, perSecond: 40_000, seconds: 3 },
    note: ', however far behind the server is, and 3 s more; the CPU time of the engine does not count',
    bytes: 150,
    times: false,
    rows: brokers,
    reference: 'typed-sse',
    columns: [RATE, SHARE, LOST, DOUBLES, LATE, LOOP99, CPU, USER, PEAK]
  })
}
