import type { Row } from '../workload.ts'

/** All that publish. */
export function servers (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => server !== 'http-idle')
}

export function serversThatCan (what: keyof Row['can']): (rows: readonly Row[]) => readonly Row[] {
  return (rows) => servers(rows).filter(({ can }) => can[what])
}
