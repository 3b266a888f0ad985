import type { Row } from '../driver/workload.ts'

// The rows of a table.

const BROKERS = ['typed-sse-redis', 'typed-sse-sqlite']

/** Returns the servers that publish: all except `http-idle`, and except this plugin with an engine. */
export function servers (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => server !== 'http-idle' && !BROKERS.includes(server))
}

/** Returns this plugin, with its order in the process and in engines. */
export function brokers (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => server === 'typed-sse' || BROKERS.includes(server))
}

export function serversThatCan (what: keyof Row['can']): (rows: readonly Row[]) => readonly Row[] {
  return (rows) => servers(rows).filter(({ can }) => can[what])
}
