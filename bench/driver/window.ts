import { setTimeout as sleep } from 'node:timers/promises'
import type { Cell } from './cell.ts'
import { now } from '../load/clock.ts'
import type { Counts } from '../load/messages.ts'
import { cpuOf } from './measure.ts'

const MB = 2 ** 20
const POLL_INTERVAL = 50
/** Milliseconds without an event after which none is expected. The bench waits for servers that block for seconds. */
const QUIET = 5000

interface Work {
  /** Publishes and returns the number of events. @throws {Collapse} When publishing does not end. */
  publish (): Promise<number>
  /** The number of readers of each event. */
  readonly readers: number
  /** The number of events in the plan. Undefined: the number of published events. */
  readonly planned?: number
  /** Milliseconds from the start after which the measurement waits for no reader. */
  readonly limit: number
}

export type Figures = Record<string, number>

/** Measures a server from before it publishes until all readers have received all events, or no more events arrive. */
export async function measure (cell: Cell, work: Work): Promise<Figures> {
  await cell.begin()
  const before = { cpu: cell.cpu, load: cpuOf([cell.load.pid]), resident: cell.resident }
  const began = now()
  let published: number | undefined
  try {
    published = await work.publish()
  } catch (error) {
    cell.note(error)
  }
  const planned = work.planned ?? published ?? 0
  const counts = await settle(cell, planned * work.readers, began + work.limit)
  const after = { cpu: cell.cpu, load: cpuOf([cell.load.pid]), resident: cell.resident, peak: cell.peak, at: now() }
  const figures: Figures = { ...figuresOf(counts, began), expected: planned * work.readers }
  figures['late'] = planned * work.readers - figures['delivered']! - counts.lost
  figures['share'] = 100 * figures['delivered']! / (planned * work.readers)
  if (before.load !== undefined && after.load !== undefined) {
    figures['loadCore'] = 100 * (after.load.user + after.load.system - before.load.user - before.load.system) / ((after.at - began) / 1000)
  }
  if (before.cpu !== undefined && after.cpu !== undefined) {
    const user = after.cpu.user - before.cpu.user
    const system = after.cpu.system - before.cpu.system
    Object.assign(figures, perDelivery({ user, system }, counts.delivered), { core: 100 * (user + system) / ((after.at - began) / 1000) })
  }
  if (before.resident !== undefined && after.resident !== undefined && after.peak !== undefined) {
    figures['growth'] = (after.resident - before.resident) / MB
    figures['peak'] = (after.peak - before.resident) / MB
  }
  if (counts.cut > 0) cell.notes.add(`cut ${counts.cut} readers`)
  await addLoopDelay(cell, figures)
  return figures
}

/** Converts CPU seconds into microseconds per delivery. */
export function perDelivery ({ user, system }: { user: number, system: number }, deliveries: number): Figures {
  if (deliveries === 0) return {}
  return { user: user * 1e6 / deliveries, system: system * 1e6 / deliveries, cpu: (user + system) * 1e6 / deliveries }
}

function figuresOf (counts: Counts, began: number): Figures {
  const { delivered, lost, doubles, cut, wire, lastAt, latency } = counts
  return {
    delivered: delivered - doubles,
    lost,
    doubles,
    cut,
    wire: delivered === 0 ? 0 : wire / delivered,
    rate: delivered === 0 ? 0 : delivered * 1000 / (lastAt - began),
    took: delivered === 0 ? 0 : lastAt - began,
    latency50: latency.p50,
    latency99: latency.p99,
    latencyMax: latency.max
  }
}

async function settle (cell: Cell, expected: number, until: number): Promise<Counts> {
  let progressed = now()
  let before = -1
  for (;;) {
    const counts = await cell.counts()
    if (counts.delivered - counts.doubles + counts.lost >= expected) return counts
    if (counts.delivered !== before) progressed = now()
    else if (cell.server.end !== undefined) return counts
    before = counts.delivered
    if (now() > until || now() - progressed > QUIET) return counts
    await sleep(POLL_INTERVAL)
  }
}

async function addLoopDelay (cell: Cell, figures: Figures): Promise<void> {
  const report = await cell.report()
  if (report === undefined || cell.servesElsewhere) return
  const { p50, p99, max } = report.loopDelay
  Object.assign(figures, { loop50: p50, loop99: p99, loopMax: max })
}
