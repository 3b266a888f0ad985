import { monotonicTime, setImmediate } from '../time/timers.ts'

/** A delivery, as the pump sees it. */
export interface Pumped {
  readonly cursor: { readonly index: number, readonly isBehind: boolean }
  /** True if the delivery is in the pump's queue. Only the pump changes it. It is a field, because a Set of ten thousand would be slower. */
  queued: boolean
  /** True if `serve` would do something. */
  readonly waiting: boolean
  /** True if `serve` would do something and the socket is writable. Reads most of the fields that `serve` will read. */
  readonly isReady: boolean
  /**
   * Writes the next batch: everything up to the head, to the next pending send, or to the size limit of one write.
   *
   * @returns The number of bytes written.
   */
  serve (): number
}

/** The subscribers of one channel or one run, each with its delivery. The pump reads only the deliveries. */
export type Listeners = ReadonlyMap<object, Pumped>

// A slice of a sweep yields to the event loop after this long. The clock is read after this many bytes or writes: often enough that one
// more write does not matter, seldom enough that reading the clock costs nothing.
const SLICE_MILLISECONDS = 5
const BYTES_PER_STEP = 256 * 1024
// Look at this many deliveries before serving the first. With ten thousand subscribers each one is a cache miss; looking ahead lets the
// processor fetch them in parallel, instead of each after the previous write.
const WRITES_PER_STEP = 16
// The most deliveries to look at in one step, because many may have nothing to write, or full sockets.
const MAX_LOOKS = 256

/** The owner of a pump, which notes what the sweeps have served. */
export interface SweepObserver {
  /** Called when a sweep begins. */
  begun (): void
  /**
   * Called when a sweep has ended.
   *
   * @param queue The deliveries that have more to write.
   * @returns True: another sweep follows even if there are none.
   */
  ended (queue: readonly Pumped[]): boolean
}

const NOBODY: SweepObserver = { begun () {}, ended: () => false }

/**
 * Serves the subscribers that are behind.
 *
 * First come, first served, one batch each: a reader that replays ten thousand entries takes turns with the live readers.
 * The pump never works inside the call that wakes it, so entries that are published within one turn of the event loop leave in one write.
 */
export class Pump {
  readonly #observer: SweepObserver
  /** Deliveries that were added one by one, and deliveries that have more to write after their turn. */
  #queue: Pumped[] = []
  /** Index in the queue of the first delivery still to be served. */
  #first = 0
  /** Index in the queue at which the present sweep ends. */
  #last = 0
  /** Listeners of entries that were appended since the present sweep began. */
  readonly #woken = new Set<Listeners>()
  /** Listeners of entries that were appended before it began. The sweep visits them after the queue. Undefined between two sweeps. */
  #groups: Iterator<Listeners> | undefined
  /** The rest of the group that is being visited. */
  #members: Iterator<Pumped> | undefined
  /** Ready deliveries that are served next, in reverse order. */
  readonly #ahead: Pumped[] = []
  #scheduled = false

  constructor (observer = NOBODY) {
    this.#observer = observer
  }

  /** True if a sweep is under way, or follows. */
  get isBusy (): boolean { return this.#scheduled }

  /** Called when an entry for these listeners was appended. Ten thousand cost no more than one, because the sweep visits them. */
  wake (listeners: Listeners): void {
    if (listeners.size > 0) this.#woken.add(listeners)
    this.#schedule()
  }

  /** Adds a delivery that has something to write. */
  add (delivery: Pumped): void {
    if (!delivery.queued) this.#enqueue(delivery)
    this.#schedule()
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
    const goesOn = this.#finish()
    if (this.#queue.length > 0 || this.#woken.size > 0 || goesOn) this.#schedule()
  }

  #begin (): void {
    this.#groups = [...this.#woken].values()
    this.#woken.clear()
    this.#last = this.#queue.length
    this.#observer.begun()
  }

  /**
   * Serves a few deliveries, so few that it cannot take long.
   *
   * @returns True if the sweep may have more deliveries.
   */
  #serveSome (): boolean {
    const left = this.#ahead.length > 0 || this.#lookAhead()
    for (let bytes = 0; this.#ahead.length > 0 && bytes < BYTES_PER_STEP;) {
      const delivery = this.#ahead.pop()!
      // Already in the queue again: the next sweep serves it.
      if (delivery.queued) continue
      bytes += delivery.serve()
      if (delivery.waiting) this.#enqueue(delivery)
    }
    return left || this.#ahead.length > 0
  }

  /** Fills `#ahead` with ready deliveries. @returns True if the sweep may have further deliveries. */
  #lookAhead (): boolean {
    let left = true
    for (let looks = 0; looks < MAX_LOOKS && this.#ahead.length < WRITES_PER_STEP && left; looks++) {
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

  #finish (): boolean {
    this.#queue = this.#queue.slice(this.#last)
    this.#first = this.#last = 0
    this.#groups = this.#members = undefined
    return this.#observer.ended(this.#queue)
  }

  #enqueue (delivery: Pumped): void {
    delivery.queued = true
    this.#queue.push(delivery)
  }
}
