import type { Cell } from './cell.ts'
import { Collapse } from './child.ts'
import type { Plan } from '../contract.ts'
import { now } from '../load/clock.ts'

// Publishing by the server process, as the driver asks for it.

/** Milliseconds after which an event that has not reached all readers counts as lost. */
const TURN_LIMIT = 3000

/** Publishes by a plan. @returns The number of published events. */
export async function publishAll (cell: Cell, plan: Exclude<Plan, { kind: 'turns' }>, limit: number): Promise<number> {
  const published = cell.server.hear('published', limit)
  cell.publish(plan)
  try {
    return (await published).count
  } catch (error) {
    throw error instanceof Collapse ? new Collapse(`still publishing after ${limit / 1000} s`) : error
  }
}

interface Loop {
  readonly readers: number
  readonly bytes: number
  /** The loop ends after this number of events, or after `seconds` if that is earlier. */
  readonly count: number
  readonly seconds: number
}

/** Publishes in a closed loop: each event when all readers have received the previous one. @returns The number of published events. */
export async function publishInTurn (cell: Cell, { readers, bytes, count, seconds }: Loop): Promise<number> {
  cell.publish({ kind: 'turns', count, bytes, channels: 0 })
  cell.load.tell({ turns: readers })
  // Both processes reply in order. A `next` that precedes its plan would publish nothing, and an event that precedes `turns` would not be counted.
  await Promise.all([cell.server.ask('begin', 'began', TURN_LIMIT), cell.counts()])
  const until = now() + seconds * 1000
  let published = 0
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout
    const next = (): void => {
      clearTimeout(timer)
      if (published === count || now() >= until) {
        cell.load.tell({ turns: 0 })
        resolve(published)
        return
      }
      published++
      timer = setTimeout(() => reject(new Collapse(`event ${published} did not reach everybody within ${TURN_LIMIT / 1000} s`)), TURN_LIMIT)
      cell.server.tell('next')
    }
    cell.load.heard = ({ what }) => { if (what === 'turn') next() }
    next()
  })
}
