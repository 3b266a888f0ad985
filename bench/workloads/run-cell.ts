import { Cell } from '../driver/cell.ts'
import type { Cores } from '../driver/cores.ts'
import type { Row } from '../driver/workload.ts'
import type { Outcome } from '../report/columns.ts'
import type { Figures } from '../driver/window.ts'

/** Runs a cell and ends it, even if the server collapses. */
export async function runCell (row: Row, cores: Cores, work: (cell: Cell) => Promise<Figures>): Promise<Outcome> {
  const cell = new Cell(row.server, cores)
  let figures: Figures = {}
  try {
    figures = await work(cell)
  } catch (error) {
    cell.note(error)
  } finally {
    await cell.end()
  }
  return { figures, notes: [...cell.notes] }
}
