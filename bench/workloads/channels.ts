import { PLAIN } from '../driver/cell.ts'
import type { Cores } from '../driver/cores.ts'
import { publishAll } from '../driver/publish.ts'
import type { Row, Workload } from '../driver/workload.ts'
import type { Outcome } from '../report/columns.ts'
import { measure } from '../driver/window.ts'
import { DOUBLES, LATE, LOST } from './columns.ts'
import { runCell } from './run-cell.ts'
import { serversThatCan } from './rows.ts'
import type { Scale } from './scale.ts'

const BYTES = 150
const PATIENCE = 3000
const STEADY = 0.4

export function channels ({ isSmoke }: Scale): Workload {
  const [many, few] = isSmoke ? [100, 10] : [10_000, 100]
  const { perSecond, seconds } = isSmoke ? { perSecond: 1000, seconds: 0.2 } : { perSecond: 5000, seconds: 2.5 }

  const run = (row: Row, cores: Cores, channels: number): Promise<Outcome> => runCell(row, cores, async (cell) => {
    await cell.start({ ...PLAIN, channels })
    await cell.open({ readers: channels, channels, stalled: 0, bytes: BYTES, times: false, gzip: false, sessions: 0 })
    const publish = (duration: number) => measure(cell, {
      readers: 1,
      planned: Math.round(perSecond * duration),
      limit: PATIENCE + duration * 1000,
      publish: () => publishAll(cell, { kind: 'pace', perSecond, seconds: duration, bytes: BYTES, channels }, PATIENCE + duration * 1000)
    })
    await publish(STEADY)
    return publish(seconds)
  })

  return {
    key: 'f',
    title: 'Channels',
    statement: `${many.toLocaleString('en')} channels with one reader each, an event of ${BYTES} bytes to one channel after another, ` +
      `${perSecond.toLocaleString('en')} a second; and the same with ${few} channels`,
    columns: [
      { key: 'cpu', title: `CPU, µs per broadcast, ${many.toLocaleString('en')} channels`, digits: 1, ratio: true },
      { key: 'cpuOfFew', title: `${few} channels`, digits: 1 },
      { key: 'times', title: 'many by few', digits: 2 },
      { key: 'user', title: `user CPU, ${many.toLocaleString('en')}`, digits: 1 },
      { key: 'userOfFew', title: `user CPU, ${few}`, digits: 1 },
      LOST, DOUBLES, LATE
    ],
    reference: 'floor',
    rows: serversThatCan('channels'),
    async run (row, cores) {
      const ofMany = await run(row, cores, many)
      const ofFew = await run(row, cores, few)
      const figures: Record<string, number> = { ...ofMany.figures }
      for (const key of ['expected', 'delivered', 'lost', 'doubles', 'late']) figures[key] = (figures[key] ?? NaN) + (ofFew.figures[key] ?? NaN)
      const { cpu, user } = ofFew.figures
      if (cpu !== undefined && user !== undefined) Object.assign(figures, { cpuOfFew: cpu, userOfFew: user, times: (ofMany.figures['cpu'] ?? NaN) / cpu })
      return { figures: finite(figures), notes: [...ofMany.notes, ...ofFew.notes] }
    }
  }
}

function finite (figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => Number.isFinite(value)))
}
