import type { Cursor } from '../cursor/cursor.ts'
import type { Batch } from '../cursor/batch-cache.ts'
import { NOWHERE, type ResponseWriter } from '../response/response-writer.ts'
import type { DeliveryOwner } from './delivery-owner.ts'
import { Ending, type EndingStream } from './ending.ts'
import { PendingSends } from './pending-sends.ts'
import type { Pumped } from './fan-out-pump.ts'
import type { Times } from '../time/clock.ts'
import { Deadlines, type Signs } from '../time/deadlines.ts'
import { textChunk, type Chunk } from '../wire/http-chunk.ts'
import { encodeRetry } from '../wire/encode.ts'
import type { CloseReason } from '../wire/reasons.ts'

/**
 * Writes to one subscriber, in one order, the entries from its cursor on and its pending sends at their places, until the stream ends.
 */
export class Delivery implements Pumped, Signs, EndingStream {
  // The fields that every sweep reads stand first, and together: of ten thousand subscribers none is in the processor's cache.
  readonly cursor: Cursor
  #writer: ResponseWriter
  #state: 'open' | 'pushed back' | 'over' | 'closed' = 'open'
  #pendingSends: PendingSends | undefined
  /** The index at which the stream ends, once an end was asked for. */
  #endIndex: number | undefined
  queued = false
  wrote = false
  gaveEvent = true
  readonly #owner: DeliveryOwner
  sources = 0
  readonly #deadlines: Deadlines
  readonly ending: Ending

  /** @param expiresAt In the owner's milliseconds; Infinity: never. */
  constructor (owner: DeliveryOwner, cursor: Cursor, writer: ResponseWriter, expiresAt = Infinity) {
    this.cursor = cursor
    this.#writer = writer
    this.#owner = owner
    this.#deadlines = new Deadlines(owner.limits.timeouts, owner.now, expiresAt)
    this.ending = new Ending(this)
  }

  /** The delivery of a stream that never opened. */
  static closed (owner: DeliveryOwner, cursor: Cursor, reason: CloseReason): Delivery {
    const delivery = new Delivery(owner, cursor, NOWHERE)
    delivery.ending.destroy(reason)
    delivery.close()
    return delivery
  }

  get isOver (): boolean { return this.#state === 'over' || this.#state === 'closed' }

  get isClosed (): boolean { return this.#state === 'closed' }

  get endTimeout (): number { return this.#owner.limits.endTimeout }

  get showsHeartbeats (): boolean { return this.#owner.limits.heartbeatEvent }

  /** Bytes that pending sends take while they wait. */
  get pendingBytes (): number { return this.#pendingSends?.size ?? 0 }

  /** Takes the place at the head of the log for a text that goes to this subscriber alone. Does nothing on a stream that ends. */
  enqueue (text: string): void {
    if (this.ending.reason !== undefined) return
    this.#pending().add(this.cursor.head, text)
    this.#requestService()
  }

  /** Like `enqueue`. @returns True once the text was handed to the socket, false if the stream ends before. */
  send (text: string): Promise<boolean> {
    if (this.ending.reason !== undefined) return Promise.resolve(false)
    this.gaveEvent = true
    return new Promise((resolve) => {
      this.#pending().add(this.cursor.head, text, resolve)
      this.#requestService()
    })
  }

  /** Takes the place at the head for a newly drawn reconnection time. Replaces one that still waits. */
  enqueueRetry (): void {
    if (this.ending.reason !== undefined) return
    this.#pending().addRetry(this.cursor.head, encodeRetry(this.#owner.drawReconnectionTime()))
    this.#requestService()
  }

  stopAtHead (): void {
    this.#endIndex = this.cursor.head
    this.cursor.end()
    this.#requestService()
  }

  stopHere (last: string | undefined): void {
    this.#dropPendingSends()
    if (last !== undefined) this.#pending().add(this.cursor.index, last)
    this.#endIndex = this.cursor.index
    this.#requestService()
  }

  closeConnectionAfterEnd (): void {
    this.#writer.closeConnectionAfterEnd()
  }

  cut (withConnection: boolean): void {
    this.#state = 'over'
    if (withConnection) this.#writer.destroyConnection()
    else this.#writer.destroy()
  }

  /** The response has closed, whoever closed it. Releases all that the delivery holds. */
  close (): void {
    this.ending.responseClosed()
    this.#owner.pushedBack(this, false)
    this.#state = 'closed'
    this.cursor.release()
    this.#dropPendingSends()
    // An application that keeps an ended subscriber must not keep its request alive.
    this.#writer = NOWHERE
  }

  /** A source begins to be streamed, or ends. */
  streams (isRunning: boolean): void {
    this.sources += isRunning ? 1 : -1
    // The idle time begins with the end of the last source.
    this.gaveEvent = true
  }

  /** Does what has become due. Called at every tick of the clock. */
  checkDeadlines (times: Times): void {
    this.ending.enforceRevocation(times.awake)
    const due = this.#deadlines.check(times, this.#writer, this)
    if (due === 'heartbeat') this.#beat(times)
    else if (due !== undefined) this.ending.endDue(due)
  }

  #beat (times: Times): void {
    if (!this.showsHeartbeats) {
      // Whatever waits breaks the silence by itself.
      if (this.#state === 'open' && !this.waiting) this.enqueue(this.#owner.heartbeat)
      return
    }
    // Behind whatever waits, since the page may not listen to that; but one at a time, for a reader that accepts nothing.
    if (this.#pendingSends !== undefined) return
    this.#deadlines.showedHeartbeat(times)
    this.enqueue(this.#owner.heartbeat)
  }

  get isReady (): boolean { return this.waiting && this.#writer.isOpen }

  get waiting (): boolean {
    return this.#state === 'open' && (this.cursor.isBehind || this.#pendingSends !== undefined || this.#endIndex !== undefined)
  }

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

  /** The next entries the subscriber hears, at most up to the next pending send; undefined if there are none. */
  #nextBatch (): Batch | undefined {
    const limit = Math.min(this.#pendingSends?.index ?? Infinity, this.#endIndex ?? Infinity)
    const batch = this.cursor.next(limit)
    if (batch === undefined) return undefined
    this.#owner.counters.deliveries += batch.events
    this.gaveEvent = true
    return batch
  }

  #pending (): PendingSends {
    this.#pendingSends ??= new PendingSends()
    return this.#pendingSends
  }

  #writePendingSends (sends: PendingSends): number {
    const chunk = sends.take()
    // Most subscribers have no pending sends most of the time.
    if (sends.count === 0) this.#pendingSends = undefined
    return this.#write(chunk)
  }

  #dropPendingSends (): void {
    this.#pendingSends?.drop()
    this.#pendingSends = undefined
  }

  /** Entries that the subscriber had not been given were evicted. */
  #skipLostEntries (): number {
    const { closesSlow, replaysGaps } = this.#owner.limits
    // A stream that ends anyway gets the gap, and ends as it was to.
    if (closesSlow && this.ending.endSlow()) return this.#finish()
    this.cursor.skip(!replaysGaps)
    this.#owner.counters.gaps.slow++
    const gap = textChunk(this.cursor.gap('slow'))
    const batch = replaysGaps ? this.#nextBatch() : undefined
    if (batch === undefined) return this.#write(gap)
    // Both, whatever the socket says after the first: the batch may have left the log before it drains, and a reader of large events
    // would get one gap after another and no event.
    return this.#write(batch.chunk, gap)
  }

  #finish (): number {
    this.#state = 'over'
    this.#writer.end()
    return 0
  }

  /** @param ahead Written before `chunk`. */
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
