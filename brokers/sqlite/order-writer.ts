import { epochNumber } from '../../lib/broker/position.ts'
import type { Append, Appended, Token } from '../engine/engine.ts'
import type { Database } from './driver.ts'
import { RECORD_COLUMNS, valuesOf } from './entries.ts'
import type { Tables } from './schema.ts'

// Kept records are deleted whenever the offset passes a multiple of the first number, and at most as many as the second number at once: an order
// with a long tail gets shorter, and no transaction takes long.
const FORGET_EVERY = 500
const MAX_FORGOTTEN = 1000
// Large records are deleted sooner: whenever so many bytes were written.
const FORGET_EVERY_BYTES = 4 * 1024 * 1024

/** Writes orders, inside transactions of the caller. */
export class OrderWriter {
  readonly #statements
  /** The bytes that were written since records were deleted last. */
  #written = 0

  constructor (database: Database, { orders, records }: Tables) {
    const oldest = `select seq from ${records} where order_id = ?`
    this.#statements = {
      find: database.prepare(`select id, epoch, head from ${orders} where name = ?`),
      create: database.prepare(`insert into ${orders} (name, epoch, head, floor, expires) values (?, ?, 0, 0, ?)`),
      begin: database.prepare(`update ${orders} set epoch = ?, head = 0, floor = 0, expires = ? where id = ?`),
      putOff: database.prepare(`update ${orders} set expires = max(expires, ?) where name = ? and expires is not null`),
      insert: database.prepare(`insert into ${records} (order_id, epoch, offset, ephemeral, ${RECORD_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      move: database.prepare(`update ${orders} set head = ?, expires = ? where id = ?`),
      forgetEpochs: database.prepare(`delete from ${records} where seq in (${oldest} and epoch < ? and ephemeral = 0 order by epoch, offset limit ${MAX_FORGOTTEN})`),
      oldest: database.prepare(`select offset from ${records} where order_id = ? and epoch = ? and ephemeral = 0 order by offset, seq limit 1`),
      forget: database.prepare(`delete from ${records} where seq in (${oldest} and epoch = ? and offset < ? and ephemeral = 0)`),
      raiseFloor: database.prepare(`update ${orders} set floor = max(floor, ?) where id = ?`)
    }
  }

  /** Begins an epoch, unless the order has another one than expected. @param after The expected epoch; undefined: the order does not exist. */
  begin (name: string, after: string | undefined, epoch: string, { publisher, counter }: Token, keepFor: number): void {
    const { find, create, begin, insert } = this.#statements
    const order = find.get(name)
    if (order?.epoch !== (after === undefined ? undefined : epochNumber(after))) return
    const number = epochNumber(epoch)
    if (order === undefined) create.run(name, number, expiryAfter(keepFor))
    else begin.run(number, expiryAfter(keepFor), order.id!)
    insert.run(order?.id ?? find.get(name)!.id!, number, 0, 0, publisher, counter, null, null, null, null, null)
  }

  /** Puts off the expiry of an order. */
  putOff (name: string, keepFor: number): void {
    this.#statements.putOff.run(expiryAfter(keepFor), name)
  }

  /** Stores records, or nothing if the order is gone or has another epoch. */
  store ({ order: name, epoch, records, forgetBefore, keepFor }: Append): Appended {
    const { find, insert, move } = this.#statements
    const number = epochNumber(epoch)
    const order = find.get(name)
    if (order === undefined || order.epoch !== number) return { refused: true }
    const id = order.id as number
    const before = order.head as number
    let head = before
    for (const record of records) {
      const { ephemeral } = record.record
      if (!ephemeral) head++
      insert.run(id, number, head, ephemeral ? 1 : 0, ...valuesOf(record))
      this.#written += record.record.body.length
    }
    move.run(head, expiryAfter(keepFor), id)
    if (Math.trunc(before / FORGET_EVERY) !== Math.trunc(head / FORGET_EVERY) || this.#written > FORGET_EVERY_BYTES) this.#forget(id, number, forgetBefore)
    return { last: { epoch, offset: head } }
  }

  #forget (id: number, epoch: number, before: number): void {
    const { forgetEpochs, oldest, forget, raiseFloor } = this.#statements
    this.#written = 0
    forgetEpochs.run(id, epoch)
    const first = oldest.get(id, epoch)?.offset as number | undefined
    if (first === undefined || first >= before) return
    const end = Math.min(before, first + MAX_FORGOTTEN)
    forget.run(id, epoch, end)
    raiseFloor.run(end - 1, id)
  }
}

/** The time at which an order expires, in milliseconds since 1970; null: never. */
function expiryAfter (keepFor: number): number | null {
  return keepFor === Infinity ? null : Date.now() + keepFor
}
