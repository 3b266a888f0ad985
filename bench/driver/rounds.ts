import type { Cores } from './cores.ts'
import { tableOf, type Table } from '../report/results.ts'
import type { Row, Workload } from './workload.ts'
import type { Outcome } from '../report/columns.ts'

/** Called after each cell. */
export type OnCell = (workload: Workload, row: Row, round: number, outcome: Outcome, seconds: number) => void

interface Order {
  readonly rounds: number
  /** The number of cells that run simultaneously: more than one only if times do not matter. */
  readonly atOnce: number
  readonly cores: Cores
}

/** Runs the rounds of a workload, interleaved (A B C A B C), so that a temporary disturbance of the machine affects all servers alike. */
export async function runRounds (workload: Workload, rows: readonly Row[], { rounds, atOnce, cores }: Order, onCell: OnCell): Promise<Table> {
  const outcomes = new Map<string, Outcome[]>(rows.map(({ key }) => [key, []]))
  for (let round = 1; round <= rounds; round++) {
    const left = rows.values()
    const line = async (): Promise<void> => {
      for (const row of left) {
        const began = performance.now()
        const outcome = await workload.run(row, cores)
        outcomes.get(row.key)!.push(outcome)
        onCell(workload, row, round, outcome, (performance.now() - began) / 1000)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, line))
  }
  return tableOf(workload, rows, outcomes)
}
