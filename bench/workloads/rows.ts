import type { Row } from '../driver/workload.ts'

// The rows of a table.

const BROKERS = ['typed-sse-redis', 'typed-sse-sqlite']
const ANSWERS = ['tokens-res-write', 'tokens-typed-sse', 'runs-typed-sse']

/** Returns the servers that have events for everybody, or none: all except servers of answers. */
export function streams (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => !ANSWERS.includes(server))
}

/** Returns the servers that publish: all except `http-idle`, and except this plugin with an engine, and servers of answers. */
export function servers (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => ![...BROKERS, ...ANSWERS, 'http-idle'].includes(server))
}

/** Returns this plugin, with its order in the process and in engines. */
export function brokers (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => server === 'typed-sse' || BROKERS.includes(server))
}

/** Returns the servers that give an answer to each reader. */
export function answers (rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ server }) => ANSWERS.includes(server))
}

export function serversThatCan (what: keyof Row['can']): (rows: readonly Row[]) => readonly Row[] {
  return (rows) => servers(rows).filter(({ can }) => can[what])
}
