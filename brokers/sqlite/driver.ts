import { createRequire } from 'node:module'
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

/** The package `better-sqlite3`. */
interface BetterSqlitePackage {
  import (): Promise<BetterSqlite>
  /** The installed version; undefined if it cannot be read, as in a bundle. */
  readonly version: string | undefined
}

const INSTALLED: BetterSqlitePackage = {
  // @ts-expect-error: the package need not be installed.
  import: async () => await import('better-sqlite3') as BetterSqlite,

  get version () {
    try {
      return (createRequire(import.meta.url)('better-sqlite3/package.json') as { version: string }).version
    } catch {
      return undefined
    }
  }
}

// Version 13 needs Node 22. On Node 20 it loads, and ends the process when it opens a file.
const NEEDS_NODE_22 = 13

/**
 * Loads a driver.
 *
 * @param builtIn The exports of `node:sqlite`; undefined if this Node has none, or needs a flag for it.
 * @param nodeVersion The version of Node.
 * @throws FST_SSE_DRIVER_MISSING
 */
export async function loadDriver (
  builtIn = process.getBuiltinModule?.('node:sqlite') as NodeSqlite | undefined, betterSqlite = INSTALLED, nodeVersion = process.versions.node
): Promise<Driver> {
  if (builtIn !== undefined) return { open: (file) => new builtIn.DatabaseSync(file) }
  const { default: BetterSqlite } = await loadPackage(betterSqlite, Number.parseInt(nodeVersion) < 22)
  // 0: with the default of 5 s a lock of another process would block the event loop for so long.
  return { open: (file) => new BetterSqlite(file, { timeout: 0 }) }
}

async function loadPackage (betterSqlite: BetterSqlitePackage, isOldNode: boolean): Promise<BetterSqlite> {
  try {
    const { version } = betterSqlite
    if (isOldNode && version !== undefined && Number.parseInt(version) >= NEEDS_NODE_22) throw new Error(`Version ${version} needs Node 22`)
    return await betterSqlite.import()
  } catch (cause) {
    throw new DriverMissing('sqlite', isOldNode ? 'better-sqlite3@12' : 'better-sqlite3', { cause })
  }
}
