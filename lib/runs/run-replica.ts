import type { EventRecord, OrderListener, Placed } from '../broker/broker.ts'
import { NO_POSITION, type Position } from '../broker/position.ts'
import type { Mergers } from '../schema/merger.ts'
import { RunLog } from './run-log.ts'
import { itemNumber, readRecord, type RunTerms } from './run-records.ts'
import type { RunEnd } from './run-status.ts'

/** The readers of a run in this process. */
interface Readers {
  /** Called when items have come. */
  wake (): void
  /** Waits until healthy readers have the items; undefined if they have. */
  served (): Promise<void> | undefined
}

/** The run that a replica is of. */
interface ReplicaOwner {
  readonly feed: Readers
  /** Called when the run has ended, unless that was before `open`. */
  ended (): void
  /** Called when another run of this name has begun. Nothing is received any more. */
  replaced (): void
  /** Called when records of the run that goes on may be missing. */
  missed (): void
}

/** The end of a run. */
interface Ended {
  readonly status: RunEnd
  /** Milliseconds since 1970. */
  readonly time: number
}

/**
 * One run as the replica of its order: its items, who produces it, and how it ended.
 *
 * All processes see one order, so they agree on which run has begun, and on its end: the first one that stands in the order. What stands after it
 * is ignored, so a producer that was thought dead adds nothing.
 */
export class RunReplica implements OrderListener {
  // What every item needs comes first.
  readonly #readers: Readers
  #terms: RunTerms | undefined
  #log: RunLog | undefined
  #end: Ended | undefined
  /** True if there may be readers, so that another run of this name takes another object. */
  #isOpen = false
  #isReplaced = false
  #hasBegun = false
  /** True if the broker has lost the items. */
  wasReset = false
  /** The position of the newest record that is no item. */
  #newest = NO_POSITION
  /** The size of the items that have come since readers were last waited for. */
  #unserved = 0
  #maxUnserved = 0
  readonly #owner: ReplicaOwner
  readonly #mergers: Mergers

  constructor (owner: ReplicaOwner, mergers: Mergers) {
    this.#owner = owner
    this.#readers = owner.feed
    this.#mergers = mergers
  }

  /** The terms of the run; undefined while nothing is known of it. */
  get terms (): RunTerms | undefined { return this.#terms }

  /** The items; undefined while nothing is known of the run. */
  get log (): RunLog | undefined { return this.#log }

  /** The end; undefined while the run goes on. */
  get end (): Ended | undefined { return this.#end }

  /** Called before there may be readers. */
  open (): void {
    this.#isOpen = true
  }

  place (batch: readonly Placed[]): Promise<void> | undefined {
    const before = this.#log?.head
    for (const { position, record } of batch) {
      if (this.#isReplaced || position === null) continue
      this.#unserved += record.body.length
      // Most records are items of the run that goes on.
      const number = this.#log === undefined ? 0 : itemNumber(record, this.#log.key)
      if (number > 0) this.#append(number, record.body, position)
      else this.#read(record, position)
    }
    if (this.#log?.head === before) return undefined
    this.#readers.wake()
    // The broker waits for this one run, and nothing else is placed meanwhile. So it waits only before items leave that readers may lack.
    if (this.#unserved < this.#maxUnserved) return undefined
    this.#unserved = 0
    return this.#readers.served()
  }

  lose (upTo: Position | null): void {
    if (upTo === null) return
    this.#newest = upTo
    // The numbers of the items show which ones are missing, but the end and the beginning of another run have none.
    if (this.#isOpen && this.#end === undefined) this.#owner.missed()
  }

  reset (origin: Position): void {
    this.#newest = origin
    // Readers elsewhere cannot get the rest any more, so nobody gets it as if nothing had happened.
    if (this.#hasBegun && this.#terms !== undefined) {
      this.wasReset = true
      this.#finish(this.#terms, 'lost', undefined, Date.now())
    }
    this.#hasBegun = true
  }

  get oldest (): Position { return this.#log?.oldestPosition ?? this.#newest }

  #read (record: EventRecord, position: Position): void {
    this.#newest = position
    const message = readRecord(record)
    if (message?.type === 'begin') this.#begin(message.terms, message.after)
    else if (message?.type === 'item') this.#appendFirst(message.terms, message.number, message.body, position)
    else if (message?.type === 'end') this.#finish(message.terms, message.status, message.last, message.time)
  }

  #begin (terms: RunTerms, after: string | undefined): void {
    const isFirst = (this.#terms === undefined || this.wasReset) && after === undefined
    const follows = this.#end !== undefined && this.#terms!.key === after
    if (!isFirst && !follows) return
    if (!this.#isOpen) return this.#adopt(terms)
    this.#isReplaced = true
    this.#owner.replaced()
  }

  #appendFirst (terms: RunTerms, number: number, body: string, position: Position): void {
    // Of an earlier run.
    if (this.#log !== undefined) return
    this.#adopt(terms)
    this.#append(number, body, position)
  }

  #append (number: number, body: string, position: Position): void {
    const log = this.#log!
    // After the end, or sent again.
    if (this.#end !== undefined || number < log.head) return
    if (number > log.head) log.lose(number)
    log.append(body, position)
  }

  #finish (terms: RunTerms, status: RunEnd, last: number | undefined, time: number): void {
    if (this.#log === undefined) this.#adopt(terms)
    const log = this.#log!
    if (terms.key !== log.key || this.#end !== undefined) return
    if (last !== undefined && last >= log.head) log.lose(last + 1)
    this.#end = { status, time }
    log.seal()
    if (this.#isOpen) this.#owner.ended()
  }

  #adopt (terms: RunTerms): void {
    this.#terms = terms
    this.#end = undefined
    this.#maxUnserved = terms.maxBytes / 4
    this.#log = new RunLog(terms.key, terms.maxBytes, this.#mergers)
  }
}
