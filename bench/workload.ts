import type { Contestant } from './contract.ts'
import type { Cores } from './driver/cores.ts'
import type { Name } from './servers/index.ts'

// The contract of a workload: its rows, its columns and its outcomes.

/** The outcome of a cell: a number for each column. Figures may be missing. */
export interface Outcome {
  readonly figures: Readonly<Record<string, number>>
  readonly notes: readonly string[]
}

/** A line of the table. */
export interface Row {
  readonly key: string
  readonly server: Name
  readonly title: string
  readonly can: Contestant['can']
  /** True for the second row of a server, in workloads that run a server in two ways. */
  readonly isVariant?: boolean
}

export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** True: the table also shows the ratio to the reference's figure. */
  readonly ratio?: boolean
}

export interface Workload {
  readonly key: string
  readonly title: string
  readonly statement: string
  readonly columns: readonly Column[]
  /** The key of the row that ratios refer to. */
  readonly reference: string
  /** The column that is plotted. Undefined: no plot. */
  readonly plot?: { readonly column: string, readonly title: string }
  rows (rows: readonly Row[]): readonly Row[]
  run (row: Row, cores: Cores): Promise<Outcome>
}
