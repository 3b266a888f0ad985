import type { Engine, Session } from '../engine/engine.ts'
import type { DatabaseFile, OpenFile } from './database-file.ts'
import { loadDriver, type Driver } from './driver.ts'
import { WrongFile, type Tables } from './schema.ts'
import type { Followed } from './reader.ts'
import { SqliteSession } from './sqlite-session.ts'

// Milliseconds for which a connection waits for a lock of another process.
const CONNECT_TIMEOUT = 2000

/** A database file of SQLite, which keeps the orders for all processes of one machine. */
export class SqliteEngine implements Engine {
  readonly kind = 'sqlite'
  readonly #file: DatabaseFile
  readonly #tables: Tables
  readonly #loadDriver: () => Promise<Driver>
  /** The places of this process in the orders that it follows. */
  readonly #followed = new Map<string, Followed>()
  #driver!: Driver

  constructor (file: DatabaseFile, tables: Tables, load = loadDriver as () => Promise<Driver>) {
    this.#file = file
    this.#tables = tables
    this.#loadDriver = load
  }

  /** Loads the driver, and tries to open the file. @throws FST_SSE_DRIVER_MISSING, or an error if the file is not for this broker. */
  async load (): Promise<void> {
    this.#driver = await this.#loadDriver()
    try {
      const opened = await this.#file.open(this.#driver, 0)
      opened.close()
    } catch (error) {
      // Others may go away, and `connect` reports them.
      if (error instanceof WrongFile) throw error
    }
  }

  async connect (): Promise<Session> {
    const opened = await this.#file.open(this.#driver, CONNECT_TIMEOUT)
    return prepared(opened, () => new SqliteSession(opened, this.#tables, this.#followed))
  }

  forget (order: string): void {
    this.#followed.delete(order)
  }
}

/** Calls a function, and closes the file if it throws. */
function prepared<T> (opened: OpenFile, prepare: () => T): T {
  try {
    return prepare()
  } catch (error) {
    opened.close()
    throw error
  }
}
