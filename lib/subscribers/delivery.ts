import type { Batch } from '../cursor/batch-cache.ts'
import type { Cursor } from '../cursor/cursor.ts'
import { NOWHERE, type ResponseWriter } from '../response/response-writer.ts'
import type { DeliveryCounters } from './counters.ts'
import { PendingSends } from './pending-sends.ts'
import type { SubscriberLimits } from './subscriber-limits.ts'
import type { Times } from '../time/clock.ts'
import { type Signs, Deadlines } from '../time/deadlines.ts'
import { type Chunk, textChunk } from '../wire/chunk.ts'
import { encodeRetry } from '../wire/encode.ts'
import { encodeClose } from '../wire/plugin-events.ts'
import type { CloseReason } from '../wire/reasons.ts'

/** What a delivery hands upward. */
export interface DeliveryOwner {
  readonly counters: DeliveryCounters
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
 * Brings one subscriber what is for it, in one order: the entries from its cursor on, and pending sends at their places; until the stream
 * ends, with exactly one reason.
 */
export class Delivery implements Signs {
  // What every delivery looks at stands first, and together: of ten thousand subscribers none is in the processor's cache.
  readonly cursor: Cursor
  #writer: ResponseWriter
  #state: 'open' | 'pushed back' | 'ending' | 'closed' = 'open'
  /** What waits for it alone. */
  #pendingSends: PendingSends | undefined
  /** The index at which the stream ends, once somebody asked for that. */
  #endIndex: number | undefined
  /** Whether it stands in the pump's queue. The pump's to change; kept here so that asking costs nothing. */
  queued = false
  wrote = false
  gaveEvent = true
  readonly #owner: DeliveryOwner
  sources = 0
  readonly #deadlines: Deadlines
  /** Why it ends or ended; undefined while it lives. */
  #reason: CloseReason | undefined
  /** When it was first seen to be put out, by the clock that stands still with this process. */
  #revocationSeenAt: number | undefined
  /** Nothing else is to come on its connection. */
  #isLast = false

  /** @param expiresAt In the owner's milliseconds; Infinity: never. */
  constructor (owner: DeliveryOwner, cursor: Cursor, writer: ResponseWriter, expiresAt = Infinity) {
    this.cursor = cursor
    this.#writer = writer
    this.#owner = owner
    this.#deadlines = new Deadlines(owner.limits.timeouts, owner.now, expiresAt)
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
  get #isRevoked (): boolean { return this.#reason === 'revoked' || this.#reason === 'expired' }

  get isClosed (): boolean { return this.#state === 'closed' }

  /** Bytes that asides take while they wait. */
  get pendingBytes (): number { return this.#pendingSends?.size ?? 0 }

  /** Takes the place at the head of the log for a text that goes to this subscriber alone. Not on a stream that ends. */
  enqueue (text: string): void {
    if (this.#reason !== undefined) return
    this.#pending().add(this.cursor.head, text)
    this.#requestService()
  }

  /** Does as `tell` does. @returns Whether the text was handed to the socket. */
  send (text: string): Promise<boolean> {
    if (this.#reason !== undefined) return Promise.resolve(false)
    this.gaveEvent = true
    return new Promise((resolve) => {
      this.#pending().add(this.cursor.head, text, resolve)
      this.#requestService()
    })
  }

  /** The same for the time after which its reader comes back. One that still waits is replaced. */
  enqueueRetry (): void {
    if (this.#reason !== undefined) return
    this.#pending().addRetry(this.cursor.head, encodeRetry(this.#owner.drawReconnectionTime()))
    this.#requestService()
  }

  /**
   * Ends the stream at its place in the order: after everything placed before this call.
   *
   * @param final The reader is told to stay away.
   */
  end (reason: CloseReason, final = false): void {
    if (reason === 'shutdown') {
      this.#isLast = true
      this.#writer.closeConnectionAfterEnd()
    }
    if (this.#reason !== undefined) return
    if (final) this.enqueue(encodeClose(reason))
    this.#reason = reason
    this.#endIndex = this.cursor.head
    this.cursor.end()
    this.#requestService()
  }

  /** The same for a reader that is to come back, at a moment of its own. */
  endForReconnect (reason: CloseReason): void {
    this.enqueueRetry()
    this.end(reason)
  }

  /**
   * Ends the stream where it is: nothing that it has not got yet is written any more, even if it was to end later.
   *
   * @returns Whether it was not to end here before.
   */
  revoke (reason: 'revoked' | 'expired', final: boolean): boolean {
    if (this.#state === 'ending' || this.#state === 'closed') return false
    const isAgain = this.#isRevoked
    // Who was told to stay away is not let in again.
    if (isAgain && !final) return false
    this.#reason = reason
    this.#dropPendingSends()
    if (final) this.#pending().add(this.cursor.index, encodeClose(reason))
    this.#endIndex = this.cursor.index
    this.#requestService()
    return !isAgain
  }

  /** Cuts the connection, whatever still waits. */
  destroy (reason: CloseReason): void {
    if (this.#state === 'closed') return
    // Why it was put out is worth more than how it went.
    if (!this.#isRevoked) this.#reason = reason
    this.#state = 'ending'
    if (reason === 'shutdown' || this.#isLast) this.#writer.destroyConnection()
    else this.#writer.destroy()
  }

  /** A source begins to be streamed to it, or ends. */
  streams (isRunning: boolean): void {
    this.sources += isRunning ? 1 : -1
    // The time until it is idle begins with the end of the last.
    this.gaveEvent = true
  }

  /** Sees to what has become due. Called at every tick of the clock. */
  checkDeadlines (times: Times): void {
    if (this.#isRevoked) {
      this.#revocationSeenAt ??= times.awake
      if (times.awake - this.#revocationSeenAt >= this.#owner.limits.endTimeout) this.destroy(this.#reason!)
    }
    const due = this.#deadlines.check(times, this.#writer, this)
    if (due === undefined) return
    if (due === 'stalled') this.destroy(due)
    else if (due === 'expired') this.revoke(due, false)
    else if (due !== 'heartbeat') this.endForReconnect(due)
    else if (this.showsHeartbeats) this.#showHeartbeat(times)
    // What waits breaks the silence by itself.
    else if (this.#state === 'open' && !this.waiting) this.enqueue(this.#owner.heartbeat)
  }

  /** Behind whatever waits, since the page may not listen to that; but one at a time, for a reader that takes nothing. */
  #showHeartbeat (times: Times): void {
    if (this.#pendingSends !== undefined) return
    this.#deadlines.showedHeartbeat(times)
    this.enqueue(this.#owner.heartbeat)
  }

  /** Its response closed, whoever closed it: lets go of what it holds. */
  close (): void {
    // An end that was asked for but not reached: the reader was faster.
    if (this.#state !== 'ending') this.#reason = 'reader'
    this.#owner.pushedBack(this, false)
    this.#state = 'closed'
    this.cursor.release()
    this.#dropPendingSends()
    // Whoever holds on to a subscriber that has ended does not hold on to its request.
    this.#writer = NOWHERE
  }

  get showsHeartbeats (): boolean { return this.#owner.limits.heartbeatEvent }

  /** Whether `serve` would do something, and its reader is there to take it. Looks at most of what serving it will look at. */
  get isReady (): boolean { return this.waiting && this.#writer.isOpen }

  /** Whether `serve` would do something. */
  get waiting (): boolean {
    return this.#state === 'open' && (this.cursor.isBehind || this.#pendingSends !== undefined || this.#endIndex !== undefined)
  }

  /**
   * Hands the next batch to the socket: everything up to the head, to the next pending send, or to the most that goes in one write.
   *
   * @returns The bytes of events that were written.
   */
  serve (): number {
    while (this.waiting) {
      const { index } = this.cursor
      if (this.#pendingSends !== undefined && this.#pendingSends.index <= index) return this.#writePendingSends(this.#pendingSends)
      if (this.#endIndex !== undefined && index >= this.#endIndex) return this.#finish()
      if (this.cursor.isLost) return this.#skipLostEntries()
      const batch = this.#nextBatch()
      if (batch === undefined) continue
      this.#write(batch.chunk)
      return batch.bytes
    }
    return 0
  }

  /** Up to the next pending send, at most. Undefined: nothing that it hears stands there. */
  #nextBatch (): Batch | undefined {
    const limit = Math.min(this.#pendingSends?.index ?? Infinity, this.#endIndex ?? Infinity, this.cursor.head)
    while (this.cursor.index < limit) {
      const batch = this.cursor.advance(limit)
      if (batch !== undefined) {
        this.#owner.counters.deliveries += batch.events
        this.gaveEvent = true
        return batch
      }
      // It may have come to where it joined a channel that has lost entries since.
      if (this.cursor.isLost) return undefined
    }
    return undefined
  }

  #pending (): PendingSends {
    this.#pendingSends ??= new PendingSends()
    return this.#pendingSends
  }

  #writePendingSends (sends: PendingSends): number {
    const chunk = sends.take()
    // Most subscribers have none most of the time.
    if (sends.count === 0) this.#pendingSends = undefined
    return this.#write(chunk)
  }

  #dropPendingSends (): void {
    this.#pendingSends?.drop()
    this.#pendingSends = undefined
  }

  /** Entries it had not been given were evicted. */
  #skipLostEntries (): number {
    // One that ends anyway is told, and ends as it was to.
    if (this.#owner.limits.closesSlow && this.#reason === undefined) {
      this.#reason = 'slow'
      return this.#finish()
    }
    const { replaysGaps } = this.#owner.limits
    this.cursor.skip(!replaysGaps)
    this.#owner.counters.gaps.slow++
    const gap = textChunk(this.cursor.gap('slow'))
    const batch = replaysGaps ? this.#nextBatch() : undefined
    if (batch === undefined) return this.#write(gap)
    // Together, whatever the socket says in between: until it drains the batch may have left the log, and a reader of large events would
    // be told of one gap after another and get nothing.
    return this.#write(batch.chunk, gap)
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
    this.#owner.counters.bytes += length
    this.wrote = true
    if (!this.#writer.write(chunk)) this.#waitForDrain()
    return length
  }

  #waitForDrain (): void {
    this.#state = 'pushed back'
    this.#owner.pushedBack(this, true)
    this.#writer.onceDrained(() => {
      if (this.#state !== 'pushed back') return
      this.#state = 'open'
      this.#owner.pushedBack(this, false)
      this.#requestService()
    })
  }

  #requestService (): void {
    if (this.waiting) this.#owner.ready(this)
  }
}
