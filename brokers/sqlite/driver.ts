import { DriverMissing } from '../../lib/errors.ts'

// The part of the two SQLite drivers that they have in common: `node:sqlite` of Node 22.13 and later, and the package `better-sqlite3`. Both are
// synchronous. They differ in the errors that they throw (result-codes.ts).

export type SqlValue = string | number | Uint8Array | null

export type Row = Readonly<Record<string, SqlValue>>

/** A prepared statement. */
export interface Statement {
  run (...values: SqlValue[]): { readonly changes: number | bigint }
  all (...values: SqlValue[]): Row[]
  get (...values: SqlValue[]): Row | undefined
}

/** A connection to a database file. */
export interface Database {
  /** Runs statements that return nothing. */
  exec (sql: string): void
  prepare (sql: string): Statement
  close (): void
}

export interface Driver {
  /** Opens a database file, and creates it if it does not exist. @param file An absolute path. */
  open (file: string): Database
}

/** The exports of `node:sqlite`. */
interface NodeSqlite {
  readonly DatabaseSync: new (file: string) => Database
}

/** The exports of `better-sqlite3`, which comes without types. */
interface BetterSqlite {
  readonly default: new (file: string, options: { timeout: number }) => Database
}

// @ts-expect-error: the package need not be installed.
const importPackage = async (): Promise<BetterSqlite> => await import('better-sqlite3') as BetterSqlite

/**
 * Loads a driver.
 *
 * @param builtIn The exports of `node:sqlite`; undefined if this Node has none, or needs a flag for it.
 * @param importBetterSqlite A function that imports `better-sqlite3`.
 * @throws FST_SSE_DRIVER_MISSING
 */
export async function loadDriver (
  builtIn = process.getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined, importBetterSqlite = importPackage
): Promise<Driver> {
  if (builtIn !== undefined) return { open: (file) => new builtIn.DatabaseSync(file) }
  let BetterSqlite: BetterSqlite['default']
  try {
    BetterSqlite = (await importBetterSqlite()).default
  } catch (cause) {
    throw new DriverMissing('sqlite', 'better-sqlite3', { cause })
  }
  // 0: with the default of 5 s a lock of another process would block the event loop for so long.
  return { open: (file) => new BetterSqlite(file, { timeout: 0 }) }
}
