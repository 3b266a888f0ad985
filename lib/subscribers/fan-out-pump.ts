import type { Cursor } from '../cursor/cursor.ts'
import type { Views } from '../cursor/views.ts'
import type { Log } from '../log/log.ts'
import { monotonicTime, setImmediate } from '../time/timers.ts'

/** One subscriber, as the pump sees it. */
export interface Pumped {
  readonly cursor: Cursor
  /** Whether it is in the pump's queue. The pump alone changes it; it is kept here because a set of ten thousand would be slower. */
  queued: boolean
  /** Whether `serve` would do something. */
  readonly waiting: boolean
  /** Whether `serve` would do something and the socket is writable. Reads most of the fields that `serve` will read. */
  readonly isReady: boolean
  /**
   * Writes the next batch: everything up to the head, to the next pending send, or to the size limit of one write.
   *
   * @returns Bytes of events that were written.
   */
  serve (): number
}

/** The subscribers of a channel, each with its delivery: the pump reads the deliveries alone. */
export type Listeners = ReadonlyMap<object, Pumped>

// A slice gives the event loop back after this long. The time is looked at after so many writes or bytes: often enough that one more
// write cannot matter, seldom enough that asking costs nothing.
const SLICE_MILLISECONDS = 5
const BYTES_BETWEEN_LOOKS = 256 * 1024
// So many are looked at before the first of them is served. Of ten thousand subscribers none is in the processor's cache: so they are
// fetched at the same time, and not each after the write before it.
const WRITES_BETWEEN_LOOKS = 16
// Among those that have nothing to get, or do not take it.
const MAX_LOOKS = 256

/**
 * Serves the subscribers that are behind.
 *
 * First come, first served, one run each: a reader that replays ten thousand entries takes its turns between the live ones.
 * Never works inside the call that wakes it, so what is published within one turn of the event loop leaves in one write.
 */
export class FanOutPump {
  readonly #log: Log
  readonly #views: Views
  /** Those that asked for themselves, and those that have still something to get after their turn. */
  #queue: Pumped[] = []
  /** The first in the queue still to be served. */
  #first = 0
  /** Where in the queue the present sweep ends. */
  #last = 0
  /** Those who hear what was appended since the present sweep began. */
  readonly #woken = new Set<Listeners>()
  /** Those who hear what was appended before: the present sweep looks at them after the queue. */
  #groups: Iterator<Listeners> | undefined
  #members: Iterator<Pumped> | undefined
  /** The next few that wait, the very next one last. */
  readonly #ahead: Pumped[] = []
  /** The head of the log when the present sweep began: who was not behind then has all before that. */
  #headAtBegin = 0
  #scheduled = false
  /** Those whose sockets take nothing for now. */
  readonly #passedBy = new Set<Pumped>()
  /** Those passed by since the last sweep ended, and in the sweep before. Over TLS and HTTP/2 nothing leaves within a turn. */
  #passedByNow = new Set<Pumped>()
  #passedByLately = new Set<Pumped>()

  constructor (log: Log, views: Views) {
    this.#log = log
    this.#views = views
  }

  /** An entry was appended that all of these hear. Costs the same for one as for ten thousand: they are looked at once a sweep. */
  wake (listeners: Listeners): void {
    if (listeners.size > 0) this.#woken.add(listeners)
    this.#schedule()
  }

  /** One subscriber has something to be served with. */
  add (delivery: Pumped): void {
    if (!delivery.queued) this.#enqueue(delivery)
    this.#schedule()
  }

  /** The socket of a subscriber takes no more for now, or takes more again. */
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

  /** Evicts what has become too old, and what the last slow reader has got, while nothing is broadcast. */
  tidy (): void {
    // A sweep that is due does so at its end.
    if (!this.#scheduled) this.#trim(this.#log.head)
  }

  #schedule (): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#slice())
  }

  #slice (): void {
    this.#scheduled = false
    if (this.#groups === undefined) this.#begin()
    const deadline = monotonicTime() + SLICE_MILLISECONDS
    while (this.#serveSome()) if (monotonicTime() > deadline) return this.#schedule()
    this.#finish()
    if (this.#queue.length > 0 || this.#woken.size > 0 || this.#passedByLately.size > 0) this.#schedule()
  }

  #begin (): void {
    this.#groups = [...this.#woken].values()
    this.#woken.clear()
    this.#last = this.#queue.length
    this.#headAtBegin = this.#log.head
  }

  /**
   * Serves a few, as many as cannot take long.
   *
   * @returns Whether there may be more in this sweep.
   */
  #serveSome (): boolean {
    const left = this.#ahead.length > 0 || this.#lookAhead()
    for (let bytes = 0; this.#ahead.length > 0 && bytes < BYTES_BETWEEN_LOOKS;) {
      const delivery = this.#ahead.pop()!
      // It may stand in the queue already: for the next sweep, then.
      if (delivery.queued) continue
      bytes += delivery.serve()
      if (delivery.waiting) this.#enqueue(delivery)
    }
    return left || this.#ahead.length > 0
  }

  /** @returns Whether there may be more in this sweep than those. */
  #lookAhead (): boolean {
    let left = true
    for (let looks = 0; looks < MAX_LOOKS && this.#ahead.length < WRITES_BETWEEN_LOOKS && left; looks++) {
      const delivery = this.#take()
      if (delivery === undefined) left = false
      else if (!delivery.queued && delivery.isReady) this.#ahead.push(delivery)
    }
    this.#ahead.reverse()
    return left
  }

  #take (): Pumped | undefined {
    if (this.#first < this.#last) {
      const delivery = this.#queue[this.#first++]!
      delivery.queued = false
      return delivery
    }
    for (;;) {
      const member = this.#members?.next()
      if (member?.done === false) return member.value
      const listeners = this.#groups!.next()
      if (listeners.done === true) return undefined
      this.#members = listeners.value.values()
    }
  }

  #finish (): void {
    this.#queue = this.#queue.slice(this.#last)
    this.#first = this.#last = 0
    this.#groups = this.#members = undefined
    this.#trim(this.#served())
    this.#passedByLately = this.#passedByNow
    this.#passedByNow = new Set()
    if (this.#queue.length === 0) this.#views.rest()
  }

  /**
   * Up to where everybody has been served whose socket takes it: a burst of more than one run takes more than one sweep. A socket that is
   * full has two turns to show that it does.
   */
  #served (): number {
    let served = this.#headAtBegin
    for (const { cursor } of this.#queue) served = Math.min(served, cursor.index)
    for (const passedBy of [this.#passedByNow, this.#passedByLately]) {
      for (const { cursor } of passedBy) if (cursor.isBehind) served = Math.min(served, cursor.index)
    }
    return served
  }

  #trim (served: number): void {
    let servedToAll = served
    if (this.#log.ephemeralSize > 0) {
      for (const { cursor } of this.#passedBy) if (cursor.isBehind) servedToAll = Math.min(servedToAll, cursor.index)
    }
    this.#log.trim(served, servedToAll)
  }

  #enqueue (delivery: Pumped): void {
    delivery.queued = true
    this.#queue.push(delivery)
  }
}
