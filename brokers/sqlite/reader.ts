import { epochNumber, epochText, type Position } from '../../lib/broker/position.ts'
import type { Arrival, OrderState, StoredEntry } from '../engine/engine.ts'
import type { Database, Row } from './driver.ts'
import { parseEntry, parseToken, RECORD_COLUMNS } from './entries.ts'
import type { Tables } from './schema.ts'

/** An order that is followed, or was followed by an earlier session. */
export interface Followed {
  readonly name: string
  readonly id: number
  /** The place of the last entry. */
  epoch: number
  offset: number
  seq: number
  /** Records up to this number were there before the order was followed. */
  readonly since: number
  /** True if ephemeral records were deleted before they were read, and the next one has to tell. */
  hasLost: boolean
}

/** What a look has found of an order, beside its state. */
export interface Mark {
  readonly id: number
  /** The number that records had reached. */
  readonly seq: number
  /** The number of the newest ephemeral record that was deleted. */
  readonly forgotten: number
  /** Milliseconds since 1970; null: never. */
  readonly expires: number | null
}

// The longest pages: the event loop runs between two of them. Orders that catch up read more at a time than all orders together can get.
const PAGE = 250
const CATCH_UP = 500
const MAX_BYTES = 1024 * 1024
const ORDERS_PER_READ = 100

/**
 * Reads orders. Most of them are read together, by the number that all records share. An order that was not followed before catches up with that
 * number first, by its own index.
 */
export class Reader {
  readonly #statements
  readonly #byName = new Map<string, Followed>()
  /** The places of orders in earlier sessions, by name. */
  readonly #earlier: Map<string, Followed>
  /** The orders that are read together. */
  readonly #live = new Map<number, Followed>()
  readonly #catchingUp = new Set<Followed>()
  /** The number up to which all orders are read together. */
  #seq: number
  /** The number that records had reached at the last look. */
  #looked = 0
  #version: unknown
  /** True if more is known to be there than was read. */
  #hasMore = true

  constructor (database: Database, { orders, records }: Tables, earlier: Map<string, Followed>) {
    this.#earlier = earlier
    const columns = `seq, order_id, epoch, offset, ephemeral, ${RECORD_COLUMNS}`
    const own = `from ${records} where order_id = ? and (epoch, offset, seq) > (?, ?, ?) and seq <= ? and (ephemeral = 0 or seq > ?) order by epoch, offset, seq limit ?`
    this.#statements = {
      version: database.prepare('pragma data_version'),
      newest: database.prepare(`select seq from sqlite_sequence where name = '${records}'`),
      ownSizes: database.prepare(`select octet_length(body) as size ${own}`),
      own: database.prepare(`select ${columns} ${own}`),
      sizes: database.prepare(`select seq, order_id, octet_length(body) as size from ${records} where seq > ? order by seq limit ${PAGE}`),
      all: database.prepare(`select ${columns} from ${records} where seq > ? and seq <= ? order by seq`),
      forgotten: database.prepare(`select id from ${orders} where forgotten > ?`),
      state: database.prepare(`
        select o.id, o.epoch, o.head, o.floor, o.forgotten, o.expires, r.publisher, r.counter from ${orders} o left join ${records} r on r.seq = (
          select seq from ${records} where order_id = o.id and epoch = coalesce(?, o.epoch) and offset = coalesce(?, o.head) and ephemeral = 0 order by seq limit 1
        ) where o.name = ?`)
    }
    this.#seq = this.#newest()
  }

  /** The number up to which everything was read, or is about to be read by an order that catches up. */
  get seq (): number { return this.#seq }

  /** True if the next `read` may find more, even if nothing is written meanwhile. */
  get isBehind (): boolean { return this.#hasMore || this.#catchingUp.size > 0 }

  look (name: string, at: Position | undefined): OrderState | undefined {
    const row = this.#statements.state.get(at === undefined ? null : epochNumber(at.epoch), at?.offset ?? null, name)
    if (row === undefined) return undefined
    const { id, epoch, head, floor, forgotten, expires } = row as Record<string, number> & { readonly expires: number | null }
    const mark: Mark = { id: id!, seq: this.#looked, forgotten: forgotten!, expires }
    return { head: { epoch: epochText(epoch!), offset: head! }, floor: floor!, token: parseToken(row), mark }
  }

  /** Follows an order that was looked at. One that is followed already goes on, unless it was removed and another one has its name. */
  follow (name: string, { epoch, offset }: Position, { id, seq, forgotten }: Mark): void {
    if (this.#byName.get(name)?.id === id) return
    this.unfollow(name)
    const earlier = this.#earlier.get(name)
    // The file may have gone back.
    const since = earlier?.id === id && earlier.seq <= seq ? earlier.seq : seq
    const hasLost = earlier !== undefined && (earlier.hasLost || since !== earlier.seq || forgotten > since)
    const order: Followed = { name, id, epoch: epochNumber(epoch), offset, seq: since, since, hasLost }
    this.#byName.set(name, order)
    this.#earlier.set(name, order)
    this.#catchingUp.add(order)
  }

  unfollow (name: string): void {
    const order = this.#byName.get(name)
    if (order === undefined) return
    this.#byName.delete(name)
    this.#live.delete(order.id)
    this.#catchingUp.delete(order)
  }

  /** Called after this connection has written, which does not change its `data_version`. */
  wrote (): void {
    this.#hasMore = true
  }

  /** Reads the next entries. */
  read (): Arrival[] {
    const version = this.#statements.version.get()?.data_version
    if (version !== this.#version) {
      // Before anything is read: a later change is found next time.
      this.#version = version
      this.#hasMore = true
      this.checkNewest()
    }
    const entries = new Map<Followed, StoredEntry[]>()
    this.#catchUp(entries)
    if (this.#hasMore) this.#readAll(entries)
    return Array.from(entries, ([{ name: order }, entries]) => ({ order, entries }))
  }

  /** @throws an error if the file has fewer records than it had: what comes next would not be found. */
  checkNewest (): void {
    this.#looked = this.#newest()
    if (this.#looked < this.#seq) throw new Error('The database file has gone back to an earlier state')
  }

  #newest (): number {
    return this.#statements.newest.get()?.seq as number | undefined ?? 0
  }

  #catchUp (entries: Map<Followed, StoredEntry[]>): void {
    let budget = CATCH_UP
    let orders = ORDERS_PER_READ
    for (const order of this.#catchingUp) {
      if (budget <= 0 || orders-- === 0) break
      const where = [order.id, order.epoch, order.offset, order.seq, this.#seq, order.since]
      const sizes = this.#statements.ownSizes.all(...where, budget)
      const count = within(sizes)
      for (const row of count === 0 ? [] : this.#statements.own.all(...where, count)) take(order, row, entries)
      if (sizes.length < budget && count === sizes.length) {
        this.#catchingUp.delete(order)
        this.#live.set(order.id, order)
      }
      // A cut by bytes takes the whole budget.
      budget = count < sizes.length ? 0 : budget - count
    }
  }

  #readAll (entries: Map<Followed, StoredEntry[]>): void {
    const rows = this.#statements.sizes.all(this.#seq)
    const count = within(rows)
    this.#hasMore = rows.length === PAGE || count < rows.length
    const last = rows[count - 1]?.seq as number | undefined
    const isOurs = rows.some(({ order_id: id }) => this.#live.has(id as number))
    const found = isOurs ? this.#statements.all.all(this.#seq, last!) : []
    // Asked after the records were read, because others may delete them at any moment before.
    for (const { id } of this.#statements.forgotten.all(this.#seq)) this.#loseEphemeral(id as number)
    for (const row of found) {
      const order = this.#live.get(row.order_id as number)
      if (order !== undefined && isNext(order, row)) take(order, row, entries)
    }
    this.#seq = last ?? this.#seq
  }

  #loseEphemeral (id: number): void {
    const order = this.#live.get(id)
    if (order !== undefined) order.hasLost = true
  }
}

/** Counts the rows of a page that are within the limit of bytes; at least one. */
function within (sizes: readonly Row[]): number {
  let bytes = 0
  const end = sizes.findIndex(({ size }, at) => (bytes += (size as number | null) ?? 0) > MAX_BYTES && at > 0)
  return end === -1 ? sizes.length : end
}

/** True unless an entry precedes the place from which its order is followed. */
function isNext ({ epoch, offset, seq, since }: Followed, row: Row): boolean {
  const at = row.seq as number
  // Most entries: the order has been followed for long.
  if (at > since) return true
  const [rowEpoch, rowOffset] = [row.epoch as number, row.offset as number]
  return row.ephemeral === 0 && (rowEpoch === epoch ? rowOffset === offset ? at > seq : rowOffset > offset : rowEpoch > epoch)
}

function take (order: Followed, row: Row, entries: Map<Followed, StoredEntry[]>): void {
  order.epoch = row.epoch as number
  order.offset = row.offset as number
  order.seq = row.seq as number
  const tells = order.hasLost && row.ephemeral === 1
  const entry = tells ? { ...parseEntry(row), isAfterLoss: true } : parseEntry(row)
  if (tells) order.hasLost = false
  const list = entries.get(order)
  if (list === undefined) entries.set(order, [entry])
  else list.push(entry)
}
