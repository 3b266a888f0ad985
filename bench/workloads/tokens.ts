import { PLAIN } from '../driver/cell.ts'
import { publishAll } from '../driver/publish.ts'
import type { Workload } from '../driver/workload.ts'
import { measure } from '../driver/window.ts'
import { CORE, CPU, DOUBLES, LATE, LATENCY, LOST, SYSTEM, USER } from './columns.ts'
import { answers } from './rows.ts'
import { runCell } from './run-cell.ts'
import type { Scale } from './scale.ts'

const BYTES = 64
const PATIENCE = 3000
// A stream of one reader takes seconds until its code is compiled.
const STEADY = 3

/** Answers of a model: many streams with one reader each, and a source of its own for each. */
export function tokens ({ isSmoke }: Scale): Workload {
  const { streams, perStream, seconds } = isSmoke ? { streams: 20, perStream: 50, seconds: 0.4 } : { streams: 500, perStream: 50, seconds: 5 }
  const perSecond = streams * perStream
  return {
    key: 'n',
    title: 'Token streams',
    statement: `${streams} streams, each with one reader and a source of its own, an async generator; ${perStream} tokens a second and stream, ${BYTES} bytes each`,
    columns: [USER, SYSTEM, CPU, CORE, ...LATENCY, LOST, DOUBLES, LATE],
    reference: 'tokens-res-write',
    rows: answers,
    run: (row, cores) => runCell(row, cores, async (cell) => {
      await cell.start({ ...PLAIN, channels: streams })
      await cell.open({ readers: streams, channels: streams, stalled: 0, bytes: BYTES, times: true, gzip: false, sessions: 0 })
      const publish = (duration: number) => measure(cell, {
        readers: 1,
        planned: Math.round(perSecond * duration),
        limit: PATIENCE + duration * 1000,
        publish: () => publishAll(cell, { kind: 'pace', perSecond, seconds: duration, bytes: BYTES, channels: streams }, PATIENCE + duration * 1000)
      })
      await publish(STEADY)
      return publish(seconds)
    })
  }
}
