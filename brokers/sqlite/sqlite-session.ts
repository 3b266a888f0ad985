import type { Position } from '../../lib/broker/position.ts'
import { now } from '../../lib/time/clock.ts'
import { clearTimeout, setImmediate, setTimeout } from '../../lib/time/timers.ts'
import {
  leastLeft, type Append, type Appended, type Arrival, type Failed, type OrderState, type Question, type Session, type Token
} from '../engine/engine.ts'
import type { OpenFile } from './database-file.ts'
import { Housekeeping } from './housekeeping.ts'
import { whileLocked } from './locks.ts'
import { OrderWriter } from './order-writer.ts'
import { Reader, type Followed, type Mark } from './reader.ts'
import { isLocked, isNotWritable } from './result-codes.ts'
import type { Tables } from './schema.ts'
import { WriteQueue, type Transaction } from './write-queue.ts'

// Milliseconds between two looks at the file. Each costs 4 µs: soon after entries arrived they are frequent, because others may answer to those.
const MAX_POLL = 5
const SILENCE = 1000
const HOUSEKEEPING = 1000
// The most records, and characters of their bodies, that one transaction stores. Records of one append are not split.
const MAX_RECORDS = 500
const MAX_LENGTH = 1024 * 1024

/** A connection to a database file. Every call of SQLite is synchronous and short; locks are waited for in between. */
export class SqliteSession implements Session {
  readonly #file: OpenFile
  readonly #writer: OrderWriter
  readonly #reader: Reader
  readonly #housekeeping: Housekeeping
  readonly #queue: WriteQueue
  /** The time of the last housekeeping; Infinity during one. */
  #keptHouse = now()
  #isWoken = false
  /** True if the event loop has run since the last entries were given. */
  #hasYielded = true
  #poll = MAX_POLL
  #endPause: () => void = () => {}
  #end: { readonly cause: unknown } | undefined

  /** @param earlier The places of orders in earlier sessions. */
  constructor (file: OpenFile, tables: Tables, earlier: Map<string, Followed>) {
    const { database } = this.#file = file
    this.#writer = new OrderWriter(database, tables)
    this.#reader = new Reader(database, tables, earlier)
    this.#housekeeping = new Housekeeping(database, tables)
    this.#queue = new WriteQueue(database, () => {
      this.#reader.wrote()
      this.#endPause()
    }, (error) => this.#lose(error))
  }

  async look (questions: readonly Question[]): Promise<ReadonlyArray<OrderState | undefined>> {
    const states = await this.#guarded(() => {
      this.#reader.checkNewest()
      return questions.map(({ order, at }) => this.#reader.look(order, at))
    })
    const expiring = questions.filter(({ keepFor }, at) => keepFor !== Infinity && willExpire(states[at], keepFor))
    // Not waited for. What fails is tried again by the next look.
    this.#queue.add(expiring.map(({ order, keepFor }) => ({ run: () => this.#writer.putOff(order, keepFor) }))).catch(() => {})
    return states
  }

  async begin (order: string, after: string | undefined, epoch: string, token: Token, keepFor: number): Promise<Failed | undefined> {
    const [failed] = await this.#queue.add<Failed | undefined>([{
      run: () => { this.#writer.begin(order, after, epoch, token, keepFor); return undefined },
      failed: (failed) => ({ failed })
    }])
    return failed
  }

  follow (order: string, after: Position, { mark }: OrderState): void {
    this.#reader.follow(order, after, mark as Mark)
    this.#endPause()
  }

  unfollow (order: string): void {
    this.#reader.unfollow(order)
  }

  async next (): Promise<readonly Arrival[]> {
    // Entries that are there already must not keep the event loop from everything else.
    if (!this.#hasYielded) await this.#yield()
    const until = now() + SILENCE
    for (;;) {
      this.#demandOpen()
      if (now() - this.#keptHouse >= HOUSEKEEPING) void this.#keepHouse()
      const arrivals = this.#read()
      if (arrivals.length > 0 || this.#isWoken || now() >= until) {
        this.#isWoken = this.#hasYielded = false
        return arrivals
      }
      if (this.#reader.isBehind) await this.#yield()
      else await this.#pause()
    }
  }

  wake (): void {
    this.#isWoken = true
    this.#endPause()
  }

  async append (appends: readonly Append[]): Promise<readonly Appended[]> {
    const results = await this.#queue.add(groupsOf(appends).map((group): Transaction<Appended[]> => ({
      run: () => group.map((append) => this.#writer.store(append)),
      failed: (failed) => group.map(() => ({ failed }))
    })))
    return results.flat()
  }

  close (): void {
    try {
      if (this.#end === undefined) this.#file.emptyLog()
    } catch {
      // Everything is in the log, for the next process.
    }
    this.#lose(new Error('The session was closed'))
  }

  /** Ends the session. Every call under way, and every later one, rejects with the cause. */
  #lose (cause: unknown): void {
    if (this.#end !== undefined) return
    this.#end = { cause }
    this.#queue.end(cause)
    this.#endPause()
    this.#file.close()
  }

  #demandOpen (): void {
    if (this.#end !== undefined) throw this.#end.cause
  }

  /** Reads the next entries; none while the file is locked, which is rare for reading. */
  #read (): Arrival[] {
    try {
      const arrivals = this.#reader.read()
      this.#poll = arrivals.length > 0 ? 1 : Math.min(MAX_POLL, this.#poll + 1)
      return arrivals
    } catch (error) {
      if (isLocked(error)) return []
      this.#lose(error)
      throw error
    }
  }

  /** Calls a function that reads, once the file is not locked. */
  async #guarded<T> (read: () => T): Promise<T> {
    try {
      return await whileLocked(() => {
        this.#demandOpen()
        return read()
      }, () => {})
    } catch (error) {
      this.#lose(error)
      throw error
    }
  }

  async #keepHouse (): Promise<void> {
    this.#keptHouse = Infinity
    try {
      await this.#file.checkPath()
      if (await this.#file.isLogLong()) await this.#guarded(() => this.#file.emptyLog())
      let due = await this.#guarded(() => this.#housekeeping.due(this.#reader.seq))
      while (due.length > 0) {
        const isUnfinished = await this.#queue.add(due)
        due = due.filter((_transaction, at) => isUnfinished[at])
      }
    } catch (error) {
      // Without room for deleting, it is tried again a second later.
      if (!isNotWritable(error)) this.#lose(error)
    } finally {
      this.#keptHouse = now()
    }
  }

  #pause (): Promise<void> {
    this.#hasYielded = true
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#poll)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #yield (): Promise<void> {
    this.#hasYielded = true
    return new Promise((resolve) => { setImmediate(resolve) })
  }
}

/** True if an order expires soon. */
function willExpire (state: OrderState | undefined, keepFor: number): boolean {
  const { expires = null } = (state?.mark ?? {}) as Partial<Mark>
  return expires !== null && expires - Date.now() < leastLeft(keepFor)
}

/** Divides appends into those that one transaction stores, in their order. */
function groupsOf (appends: readonly Append[]): Append[][] {
  const groups: Append[][] = []
  let records = Infinity
  let length = Infinity
  for (const append of appends) {
    const more = append.records.reduce((sum, { record }) => sum + record.body.length, 0)
    if (records + append.records.length > MAX_RECORDS || length + more > MAX_LENGTH) {
      groups.push([])
      records = length = 0
    }
    groups.at(-1)!.push(append)
    records += append.records.length
    length += more
  }
  return groups
}
