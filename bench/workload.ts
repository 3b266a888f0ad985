import type { Contestant } from './contract.ts'
import type { Cores } from './driver/cores.ts'
import type { Name } from './servers/index.ts'

/** What one cell measured: one number for each column, as far as there is one. */
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
  /** For workloads that run a server in two ways. */
  readonly isVariant?: boolean
}

export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** Whether the table also says how many times the reference's it is. */
  readonly ratio?: boolean
}

export interface Workload {
  readonly key: string
  readonly title: string
  readonly statement: string
  readonly columns: readonly Column[]
  /** The key of the row that ratios refer to. */
  readonly reference: string
  /** What the plot shows, if there is one. */
  readonly plot?: { readonly column: string, readonly title: string }
  rows (rows: readonly Row[]): readonly Row[]
  run (row: Row, cores: Cores): Promise<Outcome>
}
