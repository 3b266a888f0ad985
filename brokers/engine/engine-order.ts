import { Buffer } from 'node:buffer'
import type { EventRecord, Order, OrderBounds, OrderListener, Placed } from '../../lib/broker/broker.ts'
import { isAfter, nextEpoch, NO_POSITION, type Position } from '../../lib/broker/position.ts'
import { BrokerUnavailable } from '../../lib/errors.ts'
import type { Append, Appended, Failed, OrderState, Question, Session, StoredEntry, Token, TokenRecord } from './engine.ts'
import { Place } from './place.ts'
import { PublishGate } from './publish-gate.ts'
import { Retention } from './retention.ts'
import { SeenPublishers } from './seen-publishers.ts'
import { WaitingRecords, type WaitingTotal } from './waiting-records.ts'

/** The part of the broker that an order uses. */
export interface OrderOwner {
  readonly kind: string
  /** The present session; undefined while the engine is away. */
  readonly session: Session | undefined
  readonly waiting: WaitingTotal
  /** The name of this process in tokens. */
  readonly publisher: string
  nextToken (): Token
  /** Called when records wait to be sent. */
  flush (order: EngineOrder): void
  /** Called when the order must be looked at. */
  doubtful (order: EngineOrder): void
  closed (order: EngineOrder): void
  skipped (order: string, problem: string): void
}

const NO_BOUNDS = { maxEvents: 0, maxBytes: 0, keepFor: Infinity }

/** One order that an engine keeps, and the place up to which this process has received it. */
export class EngineOrder implements Order {
  readonly name: string
  readonly #owner: OrderOwner
  readonly #waiting: WaitingRecords
  readonly #seen = new SeenPublishers()
  #listener: OrderListener | undefined
  #bounds: OrderBounds = NO_BOUNDS
  #retention = new Retention(NO_BOUNDS)
  readonly #place = new Place()
  readonly #gate = new PublishGate()
  /** True if answers were lost. */
  #hasLostAnswers = false
  #isClosed = false
  /** Settles the promise of `start`; undefined if it is settled. */
  #loading: { readonly loaded: () => void, readonly failed: (error: Error) => void } | undefined
  #loadedAt = NO_POSITION

  constructor (name: string, owner: OrderOwner) {
    this.name = name
    this.#owner = owner
    this.#waiting = new WaitingRecords(owner.waiting)
  }

  start (listener: OrderListener, bounds: OrderBounds): Promise<void> {
    this.#listener = listener
    this.#bounds = bounds
    this.#retention = new Retention(bounds)
    const loaded = new Promise<void>((resolve, reject) => { this.#loading = { loaded: resolve, failed: reject } })
    this.#owner.doubtful(this)
    return loaded
  }

  publish (record: EventRecord): Promise<Position | null> {
    if (this.#isClosed) return Promise.reject(new BrokerUnavailable(this.#owner.kind, 'the order is closed', false, undefined))
    const placed = this.#waiting.add(record, this.#owner.nextToken())
    if (this.#gate.isOpen) this.#owner.flush(this)
    return placed
  }

  async head (): Promise<Position | undefined> {
    const states = await this.#owner.session?.look([{ order: this.name, at: undefined, keepFor: Infinity }])
    if (states === undefined) throw new BrokerUnavailable(this.#owner.kind, 'it has no connection now', undefined, undefined)
    return states[0]?.head
  }

  async close (timeout: number): Promise<void> {
    this.#isClosed = true
    await this.#waiting.settle(timeout)
    this.#listener = undefined
    this.#loading?.failed(new BrokerUnavailable(this.#owner.kind, 'the order was closed before it was loaded', undefined, undefined))
    this.#owner.closed(this)
  }

  /** False before `start`, and after `close`. */
  get isStarted (): boolean { return this.#listener !== undefined }

  /** The question for the token at the place of this process. */
  get question (): Question {
    return { order: this.name, at: this.#place.isKnown ? this.#place.position : undefined, keepFor: Math.ceil(this.#bounds.keepFor) }
  }

  /** Publishes nothing until `judge` has seen the state of the order. */
  doubt (): void {
    this.#gate.doubt()
  }

  /** The session is lost, and with it every answer. */
  disconnected (): void {
    this.#gate.disconnected()
    this.#hasLostAnswers = true
  }

  /**
   * Compares the state in the engine with the place of this process. No entry may be received meanwhile.
   *
   * @returns `'begun'` if an epoch was begun, by this process or another: the state must be looked at again.
   */
  async judge (session: Session, state: OrderState | undefined): Promise<'follows' | 'begun' | Failed> {
    if (state === undefined || this.#place.isBeyond(state)) {
      const present = state?.head.epoch
      const latest = present !== undefined && present > this.#place.position.epoch ? present : this.#place.position.epoch
      return await session.begin(this.name, present, nextEpoch(latest), this.#owner.nextToken(), this.#bounds.keepFor) ?? 'begun'
    }
    if (!this.#place.isKnown) this.#load(state)
    session.follow(this.name, this.#place.position, state)
    this.#gate.confirm(state.head)
    this.#waiting.passed(this.#place)
    this.#moved()
    return 'follows'
  }

  /** Takes entries, and waits until the listener is ready for more. */
  async receive (entries: readonly StoredEntry[]): Promise<void> {
    // They were read for an earlier order of this name. This one is loaded first.
    if (!this.#place.isKnown) return
    let batch: Placed[] = []
    let tokens: Token[] = []
    let bytes = 0
    const place = (): Promise<void> | undefined => {
      if (batch.length === 0) return undefined
      const ready = this.#listener?.place(batch)
      batch.forEach(({ position }, at) => {
        if (tokens[at]!.publisher === this.#owner.publisher) this.#waiting.arrived(tokens[at]!, position)
      })
      batch = []
      tokens = []
      bytes = 0
      return ready
    }
    for (const entry of entries) {
      const { token, record } = entry
      if (this.#isBreak(entry)) await place()
      if (!this.#advance(entry)) continue
      if (record === undefined || token === undefined || !this.#seen.isNew(token)) continue
      batch.push({ position: record.ephemeral ? null : entry.position, record })
      tokens.push(token)
      const size = Buffer.byteLength(record.body)
      bytes += size
      if (!record.ephemeral) this.#retention.placed(entry.position.offset, size)
      // Half of the room may be reserved for compressed forms, and subscribers may have the batch before still to get.
      if (bytes > this.#bounds.maxBytes / 4) await place()
    }
    await place()
    this.#moved()
  }

  /** Takes the next batch to publish; undefined if there is none now. */
  take (): Append | undefined {
    if (!this.#gate.isOpen || !this.#waiting.hasUnsent) return undefined
    const records = this.#waiting.take()
    if (records.length === 0) return undefined
    this.#gate.sent()
    const forgetBefore = this.#retention.forgetBefore(this.#listener?.oldest ?? NO_POSITION, this.#place.position, records)
    return { order: this.name, epoch: this.#place.position.epoch, records, forgetBefore, keepFor: Math.ceil(this.#bounds.keepFor) }
  }

  /** Marks a batch as sent. @returns Those of its records that the engine may have stored before. */
  sending ({ records }: Append): TokenRecord[] {
    return this.#waiting.send(records)
  }

  /** Takes note of the result of a batch. @param unknown The result of `sending`. */
  appended ({ records, epoch }: Append, result: Appended, unknown: readonly TokenRecord[]): void {
    this.#gate.answered()
    // Records that were sent in an earlier epoch are sent again in the present one.
    if (epoch === this.#place.position.epoch) {
      if ('last' in result) {
        this.#waiting.rejectBefore(records)
        if (!this.#waiting.acknowledge(records, result.last, this.#place.position)) this.#owner.doubtful(this)
      } else {
        this.#waiting.notStored(records, unknown)
        if ('refused' in result) this.#owner.doubtful(this)
        else this.#gate.fail()
      }
    }
    this.#moved()
  }

  /** Sends the records again that the engine did not take. @returns False if there are none. */
  retry (): boolean {
    this.#gate.retry()
    this.#moved()
    return this.#waiting.hasUnsent
  }

  expire (): void { this.#waiting.expire() }

  /** Begins with as much of the tail as this process keeps. */
  #load ({ head, floor, token }: OrderState): void {
    const offset = Math.max(floor, head.offset - this.#bounds.maxEvents)
    this.#place.begin({ epoch: head.epoch, offset }, offset === head.offset ? token : undefined)
    this.#loadedAt = head
    this.#retention.begin()
    this.#listener?.reset(this.#place.position)
  }

  /** True if the listener must have everything before an entry, because the entry comes with a call of its own. */
  #isBreak ({ position, record, isAfterLoss }: StoredEntry): boolean {
    if (record?.ephemeral === true) return isAfterLoss === true
    return position.epoch > this.#place.position.epoch || this.#place.isBefore(position)
  }

  /** Moves to the place of an entry. @returns False if it is not to be placed. */
  #advance (entry: StoredEntry): boolean {
    const { position, record, problem, isAfterLoss } = entry
    if (isAfterLoss === true) this.#listener?.lose(null)
    if (record?.ephemeral === true) return position.epoch === this.#place.position.epoch
    // Read twice, or from the end of an epoch that is over.
    if (!isAfter(position, this.#place.position)) return false
    if (position.epoch !== this.#place.position.epoch) this.#begin(position)
    if (this.#place.isBefore(position)) this.#listener?.lose(this.#place.lose({ epoch: position.epoch, offset: position.offset - 1 }))
    this.#place.move(entry)
    if (problem !== undefined) this.#owner.skipped(this.name, problem)
    return true
  }

  #begin ({ epoch, offset }: Position): void {
    this.#place.begin({ epoch, offset: Math.max(0, offset - 1) })
    // A record that has not come by now is not in the earlier epoch, and nothing was sent in the new one.
    this.#waiting.sendAgain()
    this.#hasLostAnswers = false
    this.#gate.begin()
    this.#retention.begin()
    this.#listener?.reset(this.#place.position)
  }

  /** Called when the place has changed, or when records may be sent again. */
  #moved (): void {
    if (this.#loading !== undefined && this.#gate.isSure && !isAfter(this.#loadedAt, this.#place.position)) {
      this.#loading.loaded()
      this.#loading = undefined
    }
    if (this.#gate.open(this.#place.position)) {
      if (this.#hasLostAnswers) this.#waiting.sendAgain()
      this.#hasLostAnswers = false
    }
    if (this.#gate.isOpen && this.#waiting.hasUnsent) this.#owner.flush(this)
  }
}
