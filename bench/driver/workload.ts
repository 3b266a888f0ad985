import type { Contestant } from '../contract.ts'
import type { Heading, Outcome } from '../report/columns.ts'
import type { Name } from '../servers/index.ts'
import type { Cores } from './cores.ts'

// The contract of a workload: its rows, and how one of them runs.

/** A line of the table. */
export interface Row {
  readonly key: string
  readonly server: Name
  readonly title: string
  readonly can: Contestant['can']
  /** True for the second row of a server, in workloads that run a server in two ways. */
  readonly isVariant?: boolean
}

export interface Workload extends Heading {
  rows (rows: readonly Row[]): readonly Row[]
  run (row: Row, cores: Cores): Promise<Outcome>
}
