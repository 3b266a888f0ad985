import { resolve } from 'node:path'
import type { Broker } from '../../lib/broker/broker.ts'
import { atRegistration, demand, readLimit, readObject } from '../../lib/option-rules.ts'
import { EngineBroker } from '../engine/engine-broker.ts'
import { DatabaseFile } from './database-file.ts'
import { tablesOf } from './schema.ts'
import { SqliteEngine } from './sqlite-engine.ts'

// The entry point `fastify-typed-sse/sqlite`.

/**
 * The options of `sqliteBroker`.
 *
 * @see docs/scaling.md
 */
export interface SqliteBrokerOptions {
  /**
   * The path of the database file, on a local disk. It is created if it does not exist; its directory must exist. SQLite keeps two more files beside
   * it, whose names end with `-wal` and `-shm`. The file may be the database of the application, whose journal mode becomes `wal`; every transaction
   * of the application that writes then holds up events.
   */
  readonly file: string
  /**
   * `'normal'`: an event that was stored survives a crash of every process, and may be lost in a power failure. `'full'`: it survives a power failure
   * too; each group of events then waits for the disk, some milliseconds, and so does the event loop.
   *
   * @defaultValue 'normal'
   */
  readonly synchronous?: 'normal' | 'full' | undefined
  /** The beginning of the names of the tables. Registrations with one file and prefix share all events. @defaultValue 'sse' */
  readonly prefix?: string | undefined
  /** The time in milliseconds that an event waits for its place before its broadcast is rejected. @defaultValue 30_000 */
  readonly publishTimeout?: number | undefined
  /** The maximum number of events of this process that wait for their place. @defaultValue 100_000 */
  readonly maxWaiting?: number | undefined
  /** The maximum size in bytes of the events of this process that wait for their place. @defaultValue 64 MiB */
  readonly maxWaitingBytes?: number | undefined
}

const OPTIONS = ['file', 'synchronous', 'prefix', 'publishTimeout', 'maxWaiting', 'maxWaitingBytes']

/**
 * Creates a broker that keeps the order in a database file of SQLite, for any number of processes on one machine. Needs Node 22.13 or newer, or the
 * package `better-sqlite3` (version 11 or 12 on Node 20).
 *
 * @throws FST_SSE_OPTION_UNKNOWN or FST_SSE_OPTION_INVALID when an option is wrong.
 * @example await app.register(ssePlugin, { events, broker: sqliteBroker({ file: '/var/lib/app/events.db' }) })
 * @see docs/scaling.md
 */
export function sqliteBroker (options: SqliteBrokerOptions): Broker {
  return atRegistration(() => {
    const {
      file, synchronous = 'normal', prefix = 'sse', publishTimeout = 30_000, maxWaiting = 100_000, maxWaitingBytes = 64 * 1024 * 1024
    } = readObject('sqliteBroker', options, OPTIONS)
    // An empty name, `:memory:` and URIs mean databases that other processes do not see.
    demand(typeof file === 'string' && file !== '' && !file.includes('\0') && !/^(:|file:)/.test(file), 'sqliteBroker.file', 'the path of a file', file)
    demand(synchronous === 'normal' || synchronous === 'full', 'sqliteBroker.synchronous', '"normal" or "full"', synchronous)
    demand(typeof prefix === 'string' && /^(?!sqlite_)[a-z][a-z0-9_]{0,39}$/.test(prefix), 'sqliteBroker.prefix',
      'a small letter and up to 39 small letters, digits and underscores, and not begin with "sqlite_"', prefix)
    const tables = tablesOf(prefix)
    // The working directory may change later.
    const engine = new SqliteEngine(new DatabaseFile(resolve(file), tables, synchronous), tables)
    return new EngineBroker(engine, {
      publishTimeout: readLimit('sqliteBroker.publishTimeout', publishTimeout),
      maxWaiting: readLimit('sqliteBroker.maxWaiting', maxWaiting),
      maxWaitingBytes: readLimit('sqliteBroker.maxWaitingBytes', maxWaitingBytes)
    })
  })
}
