import { monotonicTime } from '../../lib/time/timers.ts'
import type { Database, Statement } from './driver.ts'
import type { Tables } from './schema.ts'
import type { Transaction } from './write-queue.ts'

// Milliseconds. A node that is further behind misses ephemeral records, and its readers get `sse.gap`.
const EPHEMERAL_AGE = 10_000

// The rows that one transaction deletes at most.
const BATCH = 500

/** Deletes ephemeral records, and orders that have expired. */
export class Housekeeping {
  readonly #statements
  readonly #ephemeralAge: number
  /** The numbers that records had reached at certain times, oldest first. */
  #reached: Array<{ readonly time: number, readonly seq: number }> = []

  constructor (database: Database, { orders, records }: Tables, ephemeralAge = EPHEMERAL_AGE) {
    this.#ephemeralAge = ephemeralAge
    const ephemeral = `from ${records} where ephemeral = 1 and seq <= ?`
    this.#statements = {
      hasEphemeral: database.prepare(`select seq ${ephemeral} limit 1`),
      hasExpired: database.prepare(`select id from ${orders} where expires < ? limit 1`),
      removed: database.prepare(`select id from ${orders} where name is null limit 1`),
      lastEphemeral: database.prepare(`select max(seq) as seq from (select seq ${ephemeral} order by seq limit ${BATCH})`),
      forgetEphemeral: database.prepare(`
        update ${orders} set forgotten = max(forgotten, newest) from (select order_id, max(seq) as newest ${ephemeral} group by order_id) where order_id = id`),
      deleteEphemeral: database.prepare(`delete ${ephemeral}`),
      remove: database.prepare(`update ${orders} set name = null, expires = null where id in (select id from ${orders} where expires < ? limit ${BATCH})`),
      deleteRecords: database.prepare(`delete from ${records} where seq in (select seq from ${records} where order_id = ? limit ${BATCH})`),
      deleteOrder: database.prepare(`delete from ${orders} where id = ?`)
    }
  }

  /**
   * Finds what is to be deleted.
   *
   * @param seq The number that records have reached.
   * @returns Transactions that tell whether they have to run again. None if there is nothing to delete, so that an idle process takes no lock.
   */
  due (seq: number): Array<Transaction<boolean>> {
    const { hasEphemeral, hasExpired, removed, remove } = this.#statements
    const now = Date.now()
    const old = this.#reachedBefore(seq)
    const due: Array<Transaction<boolean>> = []
    if (hasEphemeral.get(old) !== undefined) due.push({ run: () => this.#deleteEphemeral(old) })
    if (hasExpired.get(now) !== undefined) due.push(deleting(remove, now), { run: () => this.#deleteRemoved() })
    else if (removed.get() !== undefined) due.push({ run: () => this.#deleteRemoved() })
    return due
  }

  /** The number that records had reached that long ago. Clocks of events do not tell, because an event may have waited for its place. */
  #reachedBefore (seq: number): number {
    const time = monotonicTime()
    this.#reached.push({ time, seq })
    const at = this.#reached.findLastIndex((reached) => reached.time <= time - this.#ephemeralAge)
    if (at > 0) this.#reached.splice(0, at)
    return at === -1 ? 0 : this.#reached[0]!.seq
  }

  #deleteEphemeral (upTo: number): boolean {
    const { lastEphemeral, forgetEphemeral, deleteEphemeral } = this.#statements
    const last = lastEphemeral.get(upTo)?.seq as number | null | undefined
    // Another process has deleted them.
    if (last === null || last === undefined) return false
    forgetEphemeral.run(last)
    return deleteEphemeral.run(last).changes === BATCH
  }

  #deleteRemoved (): boolean {
    const { removed, deleteRecords, deleteOrder } = this.#statements
    const id = removed.get()?.id
    if (id === undefined) return false
    if (deleteRecords.run(id).changes < BATCH) deleteOrder.run(id)
    return true
  }
}

function deleting (statement: Statement, upTo: number): Transaction<boolean> {
  return { run: () => statement.run(upTo).changes === BATCH }
}
