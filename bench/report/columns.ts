// The contract of a table: its columns, and the outcomes that fill them.

/** The outcome of a cell: a number for each column. Figures may be missing. */
export interface Outcome {
  readonly figures: Readonly<Record<string, number>>
  readonly notes: readonly string[]
}

export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** True: the table also shows the ratio to the reference's figure. */
  readonly ratio?: boolean
}

/** What a table shows of a workload. */
export interface Heading {
  readonly key: string
  readonly title: string
  readonly statement: string
  readonly columns: readonly Column[]
  /** The key of the row that ratios refer to. */
  readonly reference: string
  /** The column that is plotted. Undefined: no plot. */
  readonly plot?: { readonly column: string, readonly title: string } | undefined
}
