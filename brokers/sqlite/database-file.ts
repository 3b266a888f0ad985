import { type BigIntStats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { now } from '../../lib/time/clock.ts'
import type { Database, Driver } from './driver.ts'
import { whileLocked } from './locks.ts'
import { isLocked, isNotWritable, resultCode } from './result-codes.ts'
import { prepareDatabase, WrongFile, type Tables } from './schema.ts'

/** The reasons why a file cannot be used, by the result code of SQLite. */
const REASONS = new Map([
  ['NOTADB', 'it is not an SQLite database'],
  ['CORRUPT', 'it is damaged'],
  ['READONLY', 'it cannot be written'],
  ['CANTOPEN', 'it, or a file beside it, cannot be opened for writing'],
  ['FULL', 'the disk is full'],
  ['BUSY', 'another process holds a lock']
])

// The size of the write-ahead log, in bytes, above which it is emptied. SQLite empties it only when no other process reads at that moment.
const MAX_WAL = 16 * 1024 * 1024

/** A database file, by its path. */
export class DatabaseFile {
  readonly path: string
  readonly #tables: Tables
  readonly #synchronous: 'normal' | 'full'

  constructor (path: string, tables: Tables, synchronous: 'normal' | 'full') {
    this.path = path
    this.#tables = tables
    this.#synchronous = synchronous
  }

  /**
   * Opens the file, and prepares it.
   *
   * @param patience The time in milliseconds for which a lock of another process is waited for.
   * @throws WrongFile if the file is not for this broker, or another error that tells the reason.
   */
  async open (driver: Driver, patience: number): Promise<OpenFile> {
    let database: Database | undefined
    const giveUpAt = now() + patience
    try {
      const opened = database = driver.open(this.path)
      await whileLocked(() => prepareDatabase(opened, this.#tables, this.#synchronous), (error) => {
        if (now() >= giveUpAt) throw error
      })
      return new OpenFile(this.path, database, statSync(this.path, { bigint: true }))
    } catch (cause) {
      if (database !== undefined) closeQuietly(database)
      throw this.#explain(cause)
    }
  }

  #explain (cause: unknown): Error {
    const code = resultCode(cause) ?? ''
    const [reason, isLasting] = cause instanceof WrongFile
      ? [cause.message, true]
      : isDirectory(this.path)
        ? ['it is a directory', true]
        : isDirectory(dirname(this.path)) ? [REASONS.get(code), code === 'NOTADB'] : ['its directory does not exist', false]
    const message = `SQLite cannot use ${this.path}: ${reason ?? (cause as Error).message}`
    return isLasting === true ? new WrongFile(message, { cause }) : new Error(message, { cause })
  }
}

/** A database file that is open. */
export class OpenFile {
  readonly database: Database
  readonly #path: string
  readonly #opened: BigIntStats

  constructor (path: string, database: Database, opened: BigIntStats) {
    this.#path = path
    this.database = database
    this.#opened = opened
  }

  /** @throws an error if the path leads to another file than the open one: what is written to that is lost, and other processes do not see it. */
  async checkPath (): Promise<void> {
    const { dev, ino } = this.#opened
    const present = await stat(this.#path, { bigint: true }).catch((cause: unknown) => {
      throw new Error(`The database file ${this.#path} was removed while it was open`, { cause })
    })
    if (present.ino !== ino || present.dev !== dev) throw new Error(`The database file ${this.#path} was replaced while it was open`)
  }

  /** Tells whether the write-ahead log is to be emptied. */
  async isLogLong (): Promise<boolean> {
    const size = await stat(`${this.#path}-wal`).then(({ size }) => size, () => 0)
    return size > MAX_WAL
  }

  /** Empties the write-ahead log, unless another process uses it now, or the disk is full. */
  emptyLog (): void {
    try {
      this.database.prepare('pragma wal_checkpoint(truncate)').get()
    } catch (error) {
      if (!isLocked(error) && !isNotWritable(error)) throw error
    }
  }

  /** Closes the file. Never throws. */
  close (): void {
    closeQuietly(this.database)
  }
}

function closeQuietly (database: Database): void {
  try {
    database.close()
  } catch {
    // Everything that was stored is in the file or in its log.
  }
}

function isDirectory (path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
