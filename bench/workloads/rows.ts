import type { Row } from '../driver/workload.ts'

// The rows of a table.

/** Returns the servers that publish: all except `http-idle`. */
export function servers (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => server !== 'http-idle')
}

export function serversThatCan (what: keyof Row['can']): (rows: readonly Row[]) => readonly Row[] {
  return (rows) => servers(rows).filter(({ can }) => can[what])
}
