import type { Database } from './driver.ts'

/**
 * Runs a function in a transaction that writes.
 *
 * @throws the error of the function or of SQLite, after nothing of the transaction is stored; or an error without a result code, if that is not
 * certain.
 */
export function transact<T> (database: Database, work: () => T): T {
  // IMMEDIATE: a transaction that took its lock later could find that its snapshot is not the newest one any more.
  database.exec('begin immediate')
  try {
    const result = work()
    database.exec('commit')
    return result
  } catch (error) {
    undo(database, error)
    throw error
  }
}

function undo (database: Database, cause: unknown): void {
  try {
    database.exec('rollback')
  } catch {
    // SQLite has probably ended the transaction itself, as it does for some errors. Then another one can begin.
    try {
      database.exec('begin')
      database.exec('rollback')
    } catch {
      throw new Error('SQLite did not undo a transaction that failed', { cause })
    }
  }
}
