import { Buffer } from 'node:buffer'
import type { EventRecord } from '../../lib/broker/broker.ts'
import { isAfter, type Position } from '../../lib/broker/position.ts'
import { BrokerUnavailable } from '../../lib/errors.ts'
import { longestTimer, now } from '../../lib/time/clock.ts'
import { clearTimeout, setTimeout } from '../../lib/time/timers.ts'
import type { Token, TokenRecord } from './engine.ts'
import type { Place } from './place.ts'

/** The bounds of the records of one process that wait for their place. */
export interface WaitingBounds {
  readonly maxWaiting: number
  readonly maxWaitingBytes: number
  /** Milliseconds. */
  readonly publishTimeout: number
}

/** The records of all orders of a broker that wait, as far as the bounds concern them. */
export class WaitingTotal {
  readonly kind: string
  readonly bounds: WaitingBounds
  count = 0
  bytes = 0
  /** The reason why the engine takes no records; undefined while it does. */
  cause: unknown

  constructor (kind: string, bounds: WaitingBounds) {
    this.kind = kind
    this.bounds = bounds
  }
}

/** A record without a place in this process. */
interface Waiting extends TokenRecord {
  readonly since: number
  readonly bytes: number
  /** True if the engine may have stored it. */
  wasSent: boolean
  /** The place that the engine has acknowledged; undefined: none in the present epoch. */
  acknowledged: Position | undefined
  acknowledgedAt: number
  isSettled: boolean
  resolve (position: Position | null): void
  reject (error: Error): void
}

/** The largest batch: the engine stores a batch as a whole, and others wait meanwhile. */
const MAX_BATCH = 500
const MAX_BATCH_BYTES = 1024 * 1024

// More than that would be stored faster than this process reads them back, until the engine forgets what was not read.
const MAX_ON_THEIR_WAY = 2000

// An ephemeral record has no place of its own that could be passed. In this many milliseconds it has come back, or will not come.
const EPHEMERAL_DELAY = 2000

/** The number of settled records at which the list is cut. */
const MANY_SETTLED = 1000

/** The records of this process for one order that have no place yet, in the order of the calls. */
export class WaitingRecords {
  readonly #total: WaitingTotal
  /** The records, and some that are settled. */
  #records: Waiting[] = []
  /** The index of the first record that is not settled. */
  #first = 0
  /** The index of the first record that is to be sent next. */
  #unsent = 0
  #size = 0
  /** Called when no record waits any more. */
  #onEmpty = (): void => {}

  constructor (total: WaitingTotal) {
    this.#total = total
  }

  /** True if there are records to send. */
  get hasUnsent (): boolean { return this.#unsent < this.#records.length }

  /** Adds a record. @returns A promise of its place. @throws FST_SSE_BROKER_UNAVAILABLE, asynchronously. */
  add (record: EventRecord, token: Token): Promise<Position | null> {
    const bytes = Buffer.byteLength(record.body)
    const total = this.#total
    if (total.count >= total.bounds.maxWaiting || total.bytes + bytes > total.bounds.maxWaitingBytes) {
      const problem = `the event was not stored, because ${total.count} events of ${total.bytes} bytes already wait ("maxWaiting", "maxWaitingBytes")`
      return Promise.reject(new BrokerUnavailable(total.kind, problem, false, total.cause))
    }
    total.count++
    total.bytes += bytes
    this.#size++
    return new Promise((resolve, reject) => {
      this.#records.push({ token, record, since: now(), bytes, wasSent: false, acknowledged: undefined, acknowledgedAt: 0, isSettled: false, resolve, reject })
    })
  }

  /** Takes the next records to send, all kept or all ephemeral; none while too many are on their way. */
  take (): TokenRecord[] {
    const batch: Waiting[] = []
    if (this.#unsent - this.#first >= MAX_ON_THEIR_WAY) return batch
    let bytes = 0
    for (; this.#unsent < this.#records.length && batch.length < MAX_BATCH; this.#unsent++) {
      const waiting = this.#records[this.#unsent]!
      if (waiting.isSettled) continue
      bytes += waiting.bytes
      if (batch.length > 0 && (bytes > MAX_BATCH_BYTES || waiting.record.ephemeral !== batch[0]!.record.ephemeral)) break
      batch.push(waiting)
    }
    return batch
  }

  /** Takes note that the engine may store a batch from now on. @returns Those of its records that it may have stored before. */
  send (batch: readonly TokenRecord[]): TokenRecord[] {
    const before = batch.filter((sent) => (sent as Waiting).wasSent)
    for (const sent of batch) (sent as Waiting).wasSent = true
    return before
  }

  /**
   * Takes a batch back that the engine has certainly not stored, to send it again once every later batch is answered.
   *
   * @param unknown Those of its records that the engine may have stored before.
   */
  notStored (batch: readonly TokenRecord[], unknown: readonly TokenRecord[]): void {
    for (const sent of batch) if (!unknown.includes(sent)) (sent as Waiting).wasSent = false
    const at = this.#records.findIndex((waiting) => !waiting.isSettled && batch.includes(waiting))
    if (at !== -1) this.#unsent = Math.min(this.#unsent, at)
  }

  /** Rejects the records before a batch that was stored although they were not: sent after it, they would break the order of the calls. */
  rejectBefore (batch: readonly TokenRecord[]): void {
    const first = batch[0]!.token.counter
    const last = batch.at(-1)!.token.counter
    for (; this.#unsent < this.#records.length; this.#unsent++) {
      const waiting = this.#records[this.#unsent]!
      if (waiting.token.counter > last) break
      if (waiting.token.counter < first) this.#reject(waiting, 'in order')
    }
    this.#tidy()
  }

  /** Sends all records again that have no place. */
  sendAgain (): void {
    this.#unsent = this.#first
    for (let at = this.#first; at < this.#records.length; at++) this.#records[at]!.acknowledged = undefined
  }

  /**
   * Takes note of the places of a batch.
   *
   * @param last The position of its last record. The others precede it without a hole.
   * @returns False if a record has not arrived although this process is past its place. Then the record was lost, or the engine has gone back.
   */
  acknowledge (batch: readonly TokenRecord[], last: Position, newest: Position): boolean {
    let isAhead = true
    batch.forEach((sent, at) => {
      const waiting = sent as Waiting
      if (waiting.isSettled) return
      const { ephemeral } = waiting.record
      waiting.acknowledgedAt = now()
      waiting.acknowledged = ephemeral ? last : { epoch: last.epoch, offset: last.offset - (batch.length - 1 - at) }
      if (!ephemeral && !isAfter(waiting.acknowledged, newest)) isAhead = false
    })
    return isAhead
  }

  /**
   * Settles the record that has come back. Earlier ones will not come any more: followers would take them for second copies. What is known of
   * their places is known by now.
   */
  arrived ({ counter }: Token, position: Position | null): void {
    for (let at = this.#first; at < this.#records.length && this.#records[at]!.token.counter <= counter; at++) {
      const waiting = this.#records[at]!
      if (waiting.token.counter === counter) this.#settle(waiting, position)
      else if (waiting.acknowledged === undefined) this.#reject(waiting, 'before a later one')
      else if (position !== null && !waiting.record.ephemeral && !isAfter(waiting.acknowledged, position)) this.#settle(waiting, waiting.acknowledged)
    }
    this.#tidy()
  }

  /**
   * Settles the records that were lost on their way back: their places are known.
   *
   * @param place The place of this process.
   */
  passed (place: Place): void {
    const lately = now() - EPHEMERAL_DELAY
    for (let at = this.#first; at < this.#unsent; at++) {
      const waiting = this.#records[at]!
      const { acknowledged, record: { ephemeral } } = waiting
      if (acknowledged === undefined || isAfter(acknowledged, place.position)) continue
      if (ephemeral ? waiting.acknowledgedAt < lately : place.wasLost(acknowledged)) this.#settle(waiting, ephemeral ? null : acknowledged)
    }
    this.#tidy()
  }

  /** Rejects the records that have waited too long. */
  expire (): void {
    const { publishTimeout } = this.#total.bounds
    const oldest = now() - publishTimeout
    for (let at = this.#first; at < this.#records.length && this.#records[at]!.since <= oldest; at++) this.#reject(this.#records[at]!, `within ${publishTimeout} ms`)
    this.#tidy()
  }

  /** Waits until every record is settled. @param timeout The time in milliseconds after which those that are left are rejected. */
  async settle (timeout: number): Promise<void> {
    if (this.#size === 0) return
    const empty = new Promise<void>((resolve) => { this.#onEmpty = resolve })
    const timer = setTimeout(() => this.#rejectAll(), longestTimer(timeout))
    await empty
    clearTimeout(timer)
  }

  #rejectAll (): void {
    for (const waiting of this.#records.slice(this.#first)) this.#reject(waiting, 'before the application closed')
    this.#tidy()
  }

  #reject (waiting: Waiting, within: string): void {
    if (waiting.isSettled) return
    const { kind, cause } = this.#total
    const problem = waiting.wasSent ? `it did not answer ${within}, so it is unknown whether the event was stored` : `the event could not be stored ${within}`
    waiting.reject(new BrokerUnavailable(kind, problem, waiting.wasSent ? undefined : false, cause))
    this.#remove(waiting)
  }

  #settle (waiting: Waiting, position: Position | null): void {
    if (waiting.isSettled) return
    waiting.resolve(position)
    this.#remove(waiting)
  }

  #remove (waiting: Waiting): void {
    waiting.isSettled = true
    this.#size--
    this.#total.count--
    this.#total.bytes -= waiting.bytes
    if (this.#size === 0) this.#onEmpty()
  }

  /** Forgets the settled records at the beginning. */
  #tidy (): void {
    while (this.#first < this.#records.length && this.#records[this.#first]!.isSettled) this.#first++
    this.#unsent = Math.max(this.#unsent, this.#first)
    if (this.#first < MANY_SETTLED || this.#first < this.#records.length / 2) return
    this.#records = this.#records.slice(this.#first)
    this.#unsent -= this.#first
    this.#first = 0
  }
}
