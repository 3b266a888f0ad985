import { join } from 'node:path'
import type { Test } from 'tap'
import type { Broker, Order, OrderBounds } from '../../../lib/broker/broker.ts'
import { EngineBroker } from '../../../brokers/engine/engine-broker.ts'
import { DatabaseFile } from '../../../brokers/sqlite/database-file.ts'
import { loadDriver, type Database, type Driver } from '../../../brokers/sqlite/driver.ts'
import { sqliteBroker } from '../../../brokers/sqlite/index.ts'
import { tablesOf } from '../../../brokers/sqlite/schema.ts'
import { SqliteEngine } from '../../../brokers/sqlite/sqlite-engine.ts'
import { notInstalled } from '../../support/system.ts'
import { Listener } from './listener.ts'

/** The driver of this Node; undefined if it is not installed. */
export const driver = await loadDriver().catch(() => undefined)

/** Options of a test that needs a driver. */
export const needsDriver = { skip: driver === undefined && notInstalled('better-sqlite3') }

export const TABLES = tablesOf('sse')
const BOUNDS = { maxEvents: Infinity, maxBytes: Infinity, keepFor: Infinity }
const WAITING = { publishTimeout: 30_000, maxWaiting: 100_000, maxWaitingBytes: 64 * 1024 * 1024 }

/** A broker, and what it has reported. */
export interface Node {
  readonly broker: Broker
  readonly downs: unknown[]
  /** Starts an order. */
  follow (name?: string, bounds?: Partial<OrderBounds>): Promise<{ order: Order, listener: Listener }>
  stop (): Promise<void>
}

export function newFile (t: Test): string {
  return join(t.testdir(), 'events.db')
}

/** Starts a broker, which stops with the test. */
export async function startNode (t: Test, file: string, broker: Broker = sqliteBroker({ file })): Promise<Node> {
  const downs: unknown[] = []
  const orders: Order[] = []
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (isStopped) return
    isStopped = true
    await Promise.all(orders.map((order) => order.close(1000)))
    await broker.close()
  }
  t.teardown(stop)
  await broker.start({ down: (cause) => downs.push(cause), up: () => {}, skipped: () => {} })
  const follow: Node['follow'] = async (name = 'events', bounds = {}) => {
    const listener = new Listener()
    const order = broker.order(name)
    orders.push(order)
    await order.start(listener, { ...BOUNDS, ...bounds })
    return { order, listener }
  }
  return { broker, downs, follow, stop }
}

/** What a test does to the connections of a broker. */
export interface Faults {
  opened? (database: Database): void
  /** Called instead of `exec`. */
  exec? (sql: string, run: () => void): void
  /** Called before a statement reads all rows. */
  reading? (sql: string): void
}

/** An engine whose driver fails as a test wants it. */
export function engineWith (faults: Faults, file: string): SqliteEngine {
  const faulty: Driver = {
    open (file) {
      const database = driver!.open(file)
      faults.opened?.(database)
      return {
        exec: (sql) => faults.exec === undefined ? database.exec(sql) : faults.exec(sql, () => database.exec(sql)),
        close: () => database.close(),
        prepare (sql) {
          const statement = database.prepare(sql)
          return {
            run: (...values) => statement.run(...values),
            get: (...values) => statement.get(...values),
            all (...values) {
              faults.reading?.(sql)
              return statement.all(...values)
            }
          }
        }
      }
    }
  }
  return new SqliteEngine(new DatabaseFile(file, TABLES, 'normal'), TABLES, async () => faulty)
}

/** A broker whose driver fails as a test wants it. */
export function brokerWith (faults: Faults, file: string): Broker {
  return new EngineBroker(engineWith(faults, file), WAITING)
}

/** An error as the drivers throw it. */
export function sqliteError (name: string): Error {
  return Object.assign(new Error(`${name} of the test`), { code: `SQLITE_${name}` })
}

/** Reads a file through a connection of its own. */
export function query (file: string, sql: string): unknown[] {
  const database = driver!.open(file)
  try {
    return database.prepare(sql).all().map((row) => ({ ...row }))
  } finally {
    database.close()
  }
}
