import type { Views } from '../cursor/views.ts'
import type { Log } from '../log/log.ts'
import { Pump, type Listeners, type Pumped, type SweepObserver } from './pump.ts'

/** Serves the subscribers of the log, and lets the log evict what healthy subscribers have received. */
export class FanOutPump implements SweepObserver {
  readonly #log: Log
  readonly #views: Views
  readonly #pump = new Pump(this)
  /** The head of the log when the present sweep began. A delivery that was not behind then has every entry before it. */
  #headAtBegin = 0
  /** The pending calls of `served`, each with the index up to which entries must be served. */
  #waiting: Array<{ readonly head: number, readonly resolve: () => void }> = []
  /** Deliveries whose sockets are full. */
  readonly #passedBy = new Set<Pumped>()
  // Over TLS and HTTP/2, no bytes leave within a turn of the event loop, so a socket that has just become full is not yet a slow one.
  /** Deliveries whose sockets became full since the last sweep ended. */
  #passedByNow = new Set<Pumped>()
  /** Deliveries whose sockets became full in the sweep before. */
  #passedByLately = new Set<Pumped>()

  constructor (log: Log, views: Views) {
    this.#log = log
    this.#views = views
  }

  /** Called when an entry for these listeners was appended. */
  wake (listeners: Listeners): void {
    this.#pump.wake(listeners)
  }

  /** Adds a delivery that has something to write. */
  add (delivery: Pumped): void {
    this.#pump.add(delivery)
  }

  /** Called with true when the socket of a delivery is full, with false when it has drained or closed. */
  passBy (delivery: Pumped, isPassedBy: boolean): void {
    if (isPassedBy) {
      this.#passedBy.add(delivery)
      this.#passedByNow.add(delivery)
    } else {
      this.#passedBy.delete(delivery)
      this.#passedByNow.delete(delivery)
      this.#passedByLately.delete(delivery)
    }
  }

  /** Waits until every delivery with a writable socket has everything that is in the log now; undefined if that is so. */
  served (): Promise<void> | undefined {
    if (!this.#pump.isBusy) return undefined
    const { head } = this.#log
    return new Promise((resolve) => this.#waiting.push({ head, resolve }))
  }

  /** Evicts entries that have become too old, or that the last slow reader has got, while nothing is broadcast. */
  tidy (): void {
    // A sweep that follows trims at its end.
    if (!this.#pump.isBusy) this.#trim(this.#log.head)
  }

  begun (): void {
    this.#headAtBegin = this.#log.head
  }

  ended (queue: readonly Pumped[]): boolean {
    const served = this.#servedIndex(queue)
    this.#trim(served)
    if (this.#waiting.length > 0) this.#tellServed(served)
    this.#passedByLately = this.#passedByNow
    this.#passedByNow = new Set()
    if (queue.length === 0) this.#views.rest()
    // A pending `served` may need one more sweep, although nothing is to be written: a socket was full, or an entry had no listeners.
    return this.#passedByLately.size > 0 || this.#waiting.length > 0
  }

  /**
   * The index up to which every delivery with a writable socket has been served. A burst of more than one batch takes more than one sweep.
   * A full socket counts as writable for two turns of the event loop, in which it may drain.
   */
  #servedIndex (queue: readonly Pumped[]): number {
    let served = this.#headAtBegin
    for (const { cursor } of queue) served = Math.min(served, cursor.index)
    for (const passedBy of [this.#passedByNow, this.#passedByLately]) {
      for (const { cursor } of passedBy) if (cursor.isBehind) served = Math.min(served, cursor.index)
    }
    return served
  }

  #tellServed (served: number): void {
    for (const { head, resolve } of this.#waiting) if (head <= served) resolve()
    this.#waiting = this.#waiting.filter(({ head }) => head > served)
  }

  #trim (served: number): void {
    let servedToAll = served
    if (this.#log.ephemeralSize > 0) {
      for (const { cursor } of this.#passedBy) if (cursor.isBehind) servedToAll = Math.min(servedToAll, cursor.index)
    }
    this.#log.trim(served, servedToAll)
  }
}
