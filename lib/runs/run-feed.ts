import { parsePosition } from '../broker/position.ts'
import type { AfterGap, StartingPoint } from '../cursor/placement.ts'
import type { Feed, Placed, Start } from '../open/feed.ts'
import type { Delivery } from '../subscribers/delivery.ts'
import type { DeliveryPump } from '../subscribers/delivery-owner.ts'
import type { Pump } from '../subscribers/pump.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import { clearTimeout, setImmediate, setTimeout } from '../time/timers.ts'
import type { CloseReason, GapReason } from '../wire/reasons.ts'
import type { RunEnding, StreamForm } from '../wire/stream-form.ts'
import { RunCursor } from './run-cursor.ts'
import type { RunLog } from './run-log.ts'
import type { RunReplica } from './run-replica.ts'

// The longest time that a reader waits for items that another process has given it: much longer than processes are behind each other.
const MAX_WAIT = 2000

interface RunFeedParts {
  readonly run: { readonly replica: RunReplica }
  readonly pump: Pump
  readonly afterGap: AfterGap
  /** True if another process may have items that this one lacks. */
  readonly isShared: boolean
  /** Called when the first reader has come, or the last one has left. */
  changed (): void
}

/** A reader that waits for an item. */
interface Waiting {
  readonly number: number
  readonly timer: NodeJS.Timeout
  resolve (): void
}

/** One run, as streams are opened on it, and its readers in this process. */
export class RunFeed implements Feed {
  readonly #parts: RunFeedParts
  readonly #readers = new Map<RunCursor, Delivery>()
  /** The readers that wait for an item; undefined: there are none. */
  #waiting: Set<Waiting> | undefined
  readonly pump: DeliveryPump
  readonly compresses = false

  constructor (parts: RunFeedParts) {
    this.#parts = parts
    const { pump } = parts
    this.pump = { add: (delivery) => pump.add(delivery), passBy () {} }
  }

  /** The number of readers. */
  get size (): number { return this.#readers.size }

  /** Serves the readers, because items have come. */
  wake (): void {
    if (this.#readers.size > 0) this.#parts.pump.wake(this.#readers)
    if (this.#waiting !== undefined) this.#comeTo(this.#log.head)
  }

  /** Ends the streams of all readers, because the run has ended. */
  end (): void {
    this.#comeTo(Infinity)
    for (const delivery of this.#readers.values()) this.#endOne(delivery)
  }

  /**
   * Sends all readers away, to come back here or to another process.
   *
   * @param reason `shutdown` if this process closes.
   */
  sendAway (reason: 'shutdown' | 'ended'): void {
    for (const { ending } of this.#readers.values()) ending.endForReconnect(reason)
  }

  /** Waits until every reader with a writable socket has the items that are there now; undefined if that is so. */
  served (): Promise<void> | undefined {
    const { head } = this.#log
    return this.#isServed(head) ? undefined : this.#serve(head)
  }

  async #serve (head: number): Promise<void> {
    while (!this.#isServed(head)) await new Promise((resolve) => { setImmediate(resolve) })
  }

  #isServed (head: number): boolean {
    for (const { cursor, isReady } of this.#readers.values()) if (isReady && cursor.index < head) return false
    return true
  }

  startingPoint (from: string | undefined): StartingPoint {
    if (from === undefined || from === 'oldest') return { from: 'oldest' }
    return { from: 'id', id: from === 'head' ? this.#log.idOf(this.#log.head - 1) : from, isNamed: false }
  }

  wait (eventId: string): Promise<void> | undefined {
    const { run: { replica }, isShared } = this.#parts
    const position = parsePosition(eventId)
    if (!isShared || position === undefined || position.epoch !== this.#log.key) return undefined
    if (position.offset < this.#log.head || replica.end !== undefined) return undefined
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#come(waiting), MAX_WAIT).unref()
      const waiting = { number: position.offset, timer, resolve }
      this.#waiting ??= new Set()
      this.#waiting.add(waiting)
    })
  }

  #comeTo (head: number): void {
    for (const waiting of this.#waiting ?? []) if (waiting.number < head) this.#come(waiting)
  }

  #come (waiting: Waiting): void {
    clearTimeout(waiting.timer)
    this.#waiting!.delete(waiting)
    if (this.#waiting!.size === 0) this.#waiting = undefined
    waiting.resolve()
  }

  hasAll (at: StartingPoint, form: StreamForm): boolean {
    const ending = this.#ending
    const position = at.from === 'id' ? parsePosition(at.id) : undefined
    if (!form.isPlain || ending === undefined || position?.epoch !== this.#log.key) return false
    const hasLast = ending.reason === 'ended' && form.close(ending.reason, true, ending.run) !== ''
    return position.offset >= this.#log.head - (hasLast ? 0 : 1)
  }

  place ({ at }: Start): Placed {
    const log = this.#log
    const { index, ...gap } = placeIn(log, at, this.#parts.afterGap)
    return { cursor: new RunCursor(log, this, index), ...gap }
  }

  placeClosed (): RunCursor {
    return new RunCursor(this.#log, this, this.#log.head)
  }

  opened (subscriber: Subscriber): void {
    const { delivery } = subscriber
    this.#readers.set(delivery.cursor as RunCursor, delivery)
    if (this.#readers.size === 1) this.#parts.changed()
    this.#endOne(delivery)
  }

  left (cursor: RunCursor): void {
    if (!this.#readers.delete(cursor)) return
    const { size } = this.#readers
    if (size <= 1) this.#log.rest()
    if (size === 0) this.#parts.changed()
  }

  #endOne ({ ending: stream }: Delivery): void {
    const ending = this.#ending
    if (ending !== undefined) stream.end(ending.reason, true, ending.run)
  }

  /** How streams end because the run has ended; undefined while it goes on. */
  get #ending (): { readonly reason: CloseReason, readonly run: RunEnding } | undefined {
    const { end } = this.#parts.run.replica
    if (end === undefined) return undefined
    const reason = end.status === 'done' || end.status === 'stopped' ? 'ended' : 'error'
    return { reason, run: { status: end.status, id: this.#log.idOf(this.#log.head) } }
  }

  /** The items. A run has them before it has readers. */
  get #log (): RunLog { return this.#parts.run.replica.log! }
}

interface Place {
  readonly index: number
  readonly gap?: GapReason
  readonly lastEventId?: string
}

/** Places a reader. Never throws: an event ID that is none of this run causes a gap, not an error. */
function placeIn (log: RunLog, at: StartingPoint, afterGap: AfterGap): Place {
  const id = at.from === 'id' ? at.id : log.idOf(0)
  const position = parsePosition(id)
  const gap = (reason: GapReason): Place => ({
    index: reason === 'future' || afterGap === 'live' ? log.head : log.first,
    gap: reason,
    // Only the position, because a reader may send any text before it.
    ...position !== undefined && at.from === 'id' && { lastEventId: id.slice(id.lastIndexOf('@') + 1) }
  })
  if (position === undefined) return gap('unknown')
  if (position.epoch !== log.key) return gap('foreign')
  // The number after the last item is that of the end.
  if (position.offset > log.head) return gap('future')
  if (position.offset + 1 < log.first) return gap('evicted')
  // It may be an item that another process has and this one lacks.
  return { index: position.offset + 1 }
}
