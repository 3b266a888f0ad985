import type { Machine } from './machine.ts'
import type { Column, Outcome, Row, Workload } from '../workload.ts'
import { spreadOf, type Spread } from './statistics.ts'

/** One line of a table: the outcomes of its rounds, the first round first. */
export interface Line {
  readonly key: string
  readonly title: string
  readonly outcomes: readonly Outcome[]
}

export interface Table {
  readonly key: string
  readonly title: string
  readonly statement: string
  readonly columns: readonly Column[]
  readonly reference: string
  readonly plot?: Workload['plot']
  readonly lines: readonly Line[]
}

/** Everything that one run found out. */
export interface Results {
  readonly machine: Machine
  /** What was asked for, where that is not everything. */
  readonly asked: string
  readonly rounds: number
  readonly missing: readonly string[]
  readonly tables: readonly Table[]
}

export function tableOf (workload: Workload, rows: readonly Row[], outcomes: ReadonlyMap<string, readonly Outcome[]>): Table {
  const { key, title, statement, columns, reference, plot } = workload
  const lines = rows.map((row) => ({ key: row.key, title: row.title, outcomes: outcomes.get(row.key)! }))
  return { key, title, statement, columns, reference, plot, lines }
}

export function spread (line: Line, column: string): Spread | undefined {
  return spreadOf(line.outcomes.map(({ figures }) => figures[column]).filter((value) => value !== undefined))
}

/** Each round's figure by that of the reference in the same round. */
export function ratioSpread (table: Table, line: Line, column: string): Spread | undefined {
  const reference = table.lines.find(({ key }) => key === table.reference)
  const ratios = line.outcomes.map(({ figures }, round) => (figures[column] ?? NaN) / (reference?.outcomes[round]?.figures[column] ?? NaN))
  return spreadOf(ratios.filter(Number.isFinite))
}
