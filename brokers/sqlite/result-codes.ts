// https://sqlite.org/rescode.html: the primary result codes that this broker tells apart.
const NAMES = new Map([
  [5, 'BUSY'], [8, 'READONLY'], [10, 'IOERR'], [11, 'CORRUPT'], [13, 'FULL'], [14, 'CANTOPEN'], [15, 'PROTOCOL'], [26, 'NOTADB']
])

/**
 * Reads the primary result code of SQLite from an error of either driver.
 *
 * @returns The name without `SQLITE_`; undefined for another code, and for an error that is not of SQLite.
 */
export function resultCode (error: unknown): string | undefined {
  const { code, errcode } = Object(error) as { code?: unknown, errcode?: unknown }
  // node:sqlite: a number, whose lowest byte is the primary code.
  if (typeof errcode === 'number') return NAMES.get(errcode & 0xff)
  // better-sqlite3: a name such as SQLITE_IOERR_WRITE.
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code.split('_')[1] : undefined
}

/** True if another connection holds a lock. PROTOCOL is a race between connections that open or recover the file at one moment. */
export function isLocked (error: unknown): boolean {
  const code = resultCode(error)
  return code === 'BUSY' || code === 'PROTOCOL'
}

/** True if SQLite could not write, and may be able to write later. */
export function isNotWritable (error: unknown): boolean {
  const code = resultCode(error)
  return code === 'FULL' || code === 'READONLY'
}
