import type { Run } from '../cursor/batch-cache.ts'
import type { Cursor } from '../cursor/cursor.ts'
import { NOWHERE, type ResponseWriter } from '../response/response-writer.ts'
import type { Traffic } from './counters.ts'
import { Asides } from './pending-sends.ts'
import type { SubscriberLimits } from './subscriber-limits.ts'
import type { Times } from '../time/clock.ts'
import { type Signs, Watch } from '../time/deadlines.ts'
import { type Chunk, textChunk } from '../wire/chunk.ts'
import { encodeRetry } from '../wire/encode.ts'
import { encodeClose } from '../wire/plugin-events.ts'
import type { CloseReason } from '../wire/reasons.ts'

/** What a delivery hands upward. */
export interface DeliveryOwner {
  readonly traffic: Traffic
  readonly limits: SubscriberLimits
  /** Keeps a silent stream from being taken for dead. */
  readonly heartbeat: string
  /** Monotonic milliseconds. */
  readonly now: number
  /** Milliseconds, another number at every call. */
  drawReconnectionTime (): number
  /** There is something to serve it with, and its reader takes it. */
  ready (delivery: Delivery): void
  /** Its socket takes no more for now, or takes more again. */
  pushedBack (delivery: Delivery, isPushedBack: boolean): void
}

/**
 * Brings one subscriber what is for it, in one order: the entries from its cursor on, and asides at their places; until the stream
 * ends, with exactly one reason.
 */
export class Delivery implements Signs {
  // What every delivery looks at stands first, and together: of ten thousand subscribers none is in the processor's cache.
  readonly cursor: Cursor
  #writer: ResponseWriter
  #state: 'open' | 'pushed back' | 'ending' | 'closed' = 'open'
  /** What waits for it alone. */
  #asides: Asides | undefined
  /** The index at which the stream ends, once somebody asked for that. */
  #endIndex: number | undefined
  /** Whether it stands in the pump's queue. The pump's to change; kept here so that asking costs nothing. */
  queued = false
  wrote = false
  gaveEvent = true
  readonly #owner: DeliveryOwner
  sources = 0
  readonly #watch: Watch
  /** Why it ends or ended; undefined while it lives. */
  #reason: CloseReason | undefined
  /** When it was first seen to be put out, by the clock that stands still with this process. */
  #putOutAt: number | undefined
  /** Nothing else is to come on its connection. */
  #isLast = false

  /** @param expiresAt In the owner's milliseconds; Infinity: never. */
  constructor (owner: DeliveryOwner, cursor: Cursor, writer: ResponseWriter, expiresAt = Infinity) {
    this.cursor = cursor
    this.#writer = writer
    this.#owner = owner
    this.#watch = new Watch(owner.limits.timeouts, owner.now, expiresAt)
  }

  /** A stream that never opened. */
  static closed (owner: DeliveryOwner, cursor: Cursor, reason: CloseReason): Delivery {
    const delivery = new Delivery(owner, cursor, NOWHERE)
    delivery.destroy(reason)
    delivery.close()
    return delivery
  }

  /** Why it ends or ended; undefined while it lives. */
  get reason (): CloseReason | undefined { return this.#reason }

  /** Its reader lost the right to hear it. */
  get #isPutOut (): boolean { return this.#reason === 'revoked' || this.#reason === 'expired' }

  get isClosed (): boolean { return this.#state === 'closed' }

  /** Bytes that asides take while they wait. */
  get asideBytes (): number { return this.#asides?.size ?? 0 }

  /** Takes the place at the head of the log for a text that goes to this subscriber alone. Not on a stream that ends. */
  tell (text: string): void {
    if (this.#reason !== undefined) return
    this.#aside().add(this.cursor.head, text)
    this.#beServed()
  }

  /** Does as `tell` does. @returns Whether the text was handed to the socket. */
  hand (text: string): Promise<boolean> {
    if (this.#reason !== undefined) return Promise.resolve(false)
    this.gaveEvent = true
    return new Promise((resolve) => {
      this.#aside().add(this.cursor.head, text, resolve)
      this.#beServed()
    })
  }

  /** The same for the time after which its reader comes back. One that still waits is replaced. */
  tellRetry (): void {
    if (this.#reason !== undefined) return
    this.#aside().addRetry(this.cursor.head, encodeRetry(this.#owner.drawReconnectionTime()))
    this.#beServed()
  }

  /**
   * Ends the stream at its place in the order: after everything placed before this call.
   *
   * @param final The reader is told to stay away.
   */
  end (reason: CloseReason, final = false): void {
    if (reason === 'shutdown') {
      this.#isLast = true
      this.#writer.beLast()
    }
    if (this.#reason !== undefined) return
    if (final) this.tell(encodeClose(reason))
    this.#reason = reason
    this.#endIndex = this.cursor.head
    this.cursor.end()
    this.#beServed()
  }

  /** The same for a reader that is to come back, at a moment of its own. */
  sendAway (reason: CloseReason): void {
    this.tellRetry()
    this.end(reason)
  }

  /**
   * Ends the stream where it is: nothing that it has not got yet is written any more, even if it was to end later.
   *
   * @returns Whether it was not to end here before.
   */
  revoke (reason: 'revoked' | 'expired', final: boolean): boolean {
    if (this.#state === 'ending' || this.#state === 'closed') return false
    const isAgain = this.#isPutOut
    // Who was told to stay away is not let in again.
    if (isAgain && !final) return false
    this.#reason = reason
    this.#dropAsides()
    if (final) this.#aside().add(this.cursor.index, encodeClose(reason))
    this.#endIndex = this.cursor.index
    this.#beServed()
    return !isAgain
  }

  /** Cuts the connection, whatever still waits. */
  destroy (reason: CloseReason): void {
    if (this.#state === 'closed') return
    // Why it was put out is worth more than how it went.
    if (!this.#isPutOut) this.#reason = reason
    this.#state = 'ending'
    if (reason === 'shutdown' || this.#isLast) this.#writer.destroyLast()
    else this.#writer.destroy()
  }

  /** A source begins to be streamed to it, or ends. */
  streams (isRunning: boolean): void {
    this.sources += isRunning ? 1 : -1
    // The time until it is idle begins with the end of the last.
    this.gaveEvent = true
  }

  /** Sees to what has become due. Called at every tick of the clock. */
  look (times: Times): void {
    if (this.#isPutOut) {
      this.#putOutAt ??= times.awake
      if (times.awake - this.#putOutAt >= this.#owner.limits.endTimeout) this.destroy(this.#reason!)
    }
    const due = this.#watch.look(times, this.#writer, this)
    if (due === undefined) return
    if (due === 'stalled') this.destroy(due)
    else if (due === 'expired') this.revoke(due, false)
    else if (due !== 'heartbeat') this.sendAway(due)
    else if (this.showsHeartbeats) this.#showHeartbeat(times)
    // What waits breaks the silence by itself.
    else if (this.#state === 'open' && !this.waiting) this.tell(this.#owner.heartbeat)
  }

  /** Behind whatever waits, since the page may not listen to that; but one at a time, for a reader that takes nothing. */
  #showHeartbeat (times: Times): void {
    if (this.#asides !== undefined) return
    this.#watch.showedHeartbeat(times)
    this.tell(this.#owner.heartbeat)
  }

  /** Its response closed, whoever closed it: lets go of what it holds. */
  close (): void {
    // An end that was asked for but not reached: the reader was faster.
    if (this.#state !== 'ending') this.#reason = 'reader'
    this.#owner.pushedBack(this, false)
    this.#state = 'closed'
    this.cursor.release()
    this.#dropAsides()
    // Whoever holds on to a subscriber that has ended does not hold on to its request.
    this.#writer = NOWHERE
  }

  get showsHeartbeats (): boolean { return this.#owner.limits.heartbeatEvent }

  /** Whether `serve` would do something, and its reader is there to take it. Looks at most of what serving it will look at. */
  get isReady (): boolean { return this.waiting && this.#writer.isOpen }

  /** Whether `serve` would do something. */
  get waiting (): boolean {
    return this.#state === 'open' && (this.cursor.isBehind || this.#asides !== undefined || this.#endIndex !== undefined)
  }

  /**
   * Hands the next run to the socket: everything up to the head, to the next aside, or to the most that goes in one write.
   *
   * @returns The bytes of events that were written.
   */
  serve (): number {
    while (this.waiting) {
      const { index } = this.cursor
      if (this.#asides !== undefined && this.#asides.index <= index) return this.#writeAsides(this.#asides)
      if (this.#endIndex !== undefined && index >= this.#endIndex) return this.#finish()
      if (this.cursor.isLost) return this.#fallOut()
      const run = this.#nextRun()
      if (run === undefined) continue
      this.#write(run.chunk)
      return run.bytes
    }
    return 0
  }

  /** Up to the next aside, at most. Undefined: nothing that it hears stands there. */
  #nextRun (): Run | undefined {
    const limit = Math.min(this.#asides?.index ?? Infinity, this.#endIndex ?? Infinity, this.cursor.head)
    while (this.cursor.index < limit) {
      const run = this.cursor.advance(limit)
      if (run !== undefined) {
        this.#owner.traffic.deliveries += run.events
        this.gaveEvent = true
        return run
      }
      // It may have come to where it joined a channel that has lost entries since.
      if (this.cursor.isLost) return undefined
    }
    return undefined
  }

  #aside (): Asides {
    this.#asides ??= new Asides()
    return this.#asides
  }

  #writeAsides (asides: Asides): number {
    const chunk = asides.take()
    // Most subscribers have none most of the time.
    if (asides.count === 0) this.#asides = undefined
    return this.#write(chunk)
  }

  #dropAsides (): void {
    this.#asides?.drop()
    this.#asides = undefined
  }

  /** Entries it had not been given were evicted. */
  #fallOut (): number {
    // One that ends anyway is told, and ends as it was to.
    if (this.#owner.limits.closesSlow && this.#reason === undefined) {
      this.#reason = 'slow'
      return this.#finish()
    }
    const { replaysGaps } = this.#owner.limits
    this.cursor.skip(!replaysGaps)
    this.#owner.traffic.gaps.slow++
    const gap = textChunk(this.cursor.gap('slow'))
    const run = replaysGaps ? this.#nextRun() : undefined
    if (run === undefined) return this.#write(gap)
    // Together, whatever the socket says in between: until it drains the run may have left the log, and a reader of large events would
    // be told of one gap after another and get nothing.
    return this.#write(run.chunk, gap)
  }

  #finish (): number {
    this.#state = 'ending'
    this.#writer.end()
    return 0
  }

  /** @param ahead Goes out before it. */
  #write (chunk: Chunk, ahead?: Chunk): number {
    let { length } = chunk.plain
    if (ahead !== undefined) {
      length += ahead.plain.length
      this.#writer.write(ahead)
    }
    this.#owner.traffic.bytes += length
    this.wrote = true
    if (!this.#writer.write(chunk)) this.#bePassedBy()
    return length
  }

  #bePassedBy (): void {
    this.#state = 'pushed back'
    this.#owner.pushedBack(this, true)
    this.#writer.onceDrained(() => {
      if (this.#state !== 'pushed back') return
      this.#state = 'open'
      this.#owner.pushedBack(this, false)
      this.#beServed()
    })
  }

  #beServed (): void {
    if (this.waiting) this.#owner.ready(this)
  }
}
