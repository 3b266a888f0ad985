import type { Machine } from './machine.ts'
import type { Heading, Outcome } from './columns.ts'
import { spreadOf, type Spread } from './statistics.ts'

// The results of a run: tables, lines and ratios.

/** A line of a table: the outcomes of its rounds, in order. */
export interface Line {
  readonly key: string
  readonly title: string
  readonly outcomes: readonly Outcome[]
}

export interface Table extends Heading {
  readonly lines: readonly Line[]
}

/** All results of a run. */
export interface Results {
  readonly machine: Machine
  /** The command-line options that restrict the run; empty for a whole run. */
  readonly asked: string
  readonly rounds: number
  readonly missing: readonly string[]
  readonly tables: readonly Table[]
}

export function tableOf (heading: Heading, rows: ReadonlyArray<Pick<Line, 'key' | 'title'>>, outcomes: ReadonlyMap<string, readonly Outcome[]>): Table {
  const { key, title, statement, columns, reference, plot } = heading
  const lines = rows.map((row) => ({ key: row.key, title: row.title, outcomes: outcomes.get(row.key)! }))
  return { key, title, statement, columns, reference, plot, lines }
}

export function spread (line: Line, column: string): Spread | undefined {
  return spreadOf(line.outcomes.map(({ figures }) => figures[column]).filter((value) => value !== undefined))
}

/** Divides the figure of each round by the reference's figure in the same round. */
export function ratioSpread (table: Table, line: Line, column: string): Spread | undefined {
  const reference = table.lines.find(({ key }) => key === table.reference)
  const ratios = line.outcomes.map(({ figures }, round) => (figures[column] ?? NaN) / (reference?.outcomes[round]?.figures[column] ?? NaN))
  return spreadOf(ratios.filter(Number.isFinite))
}
