import type { Cursor } from '../cursor/cursor.ts'
import type { Batch } from '../cursor/batch-cache.ts'
import { NOWHERE, type ResponseWriter } from '../response/response-writer.ts'
import type { DeliveryOwner, DeliveryPump } from './delivery-owner.ts'
import { Ending, type EndingStream } from './ending.ts'
import { PendingSends } from './pending-sends.ts'
import type { Pumped } from './pump.ts'
import type { Times } from '../time/clock.ts'
import { Deadlines, type Signs } from '../time/deadlines.ts'
import { textChunk, type Chunk } from '../wire/http-chunk.ts'
import { encodeRetry } from '../wire/encode.ts'
import type { StreamForm } from '../wire/stream-form.ts'

/** Writes the entries and the pending sends of one subscriber, in order, until its stream ends. */
export class Delivery implements Pumped, Signs, EndingStream {
  // The fields that every sweep reads come first, next to each other: with ten thousand subscribers, each one is a cache miss.
  readonly cursor: Cursor
  #writer: ResponseWriter
  #state: 'open' | 'pushed back' | 'over' | 'closed' = 'open'
  #pendingSends: PendingSends | undefined
  /** The index at which the stream ends; undefined while no end is requested. */
  #endIndex: number | undefined
  queued = false
  wrote = false
  gaveEvent = true
  readonly #owner: DeliveryOwner
  readonly #pump: DeliveryPump
  sources = 0
  readonly #deadlines: Deadlines
  readonly form: StreamForm
  readonly ending: Ending

  /** @param expiresAt The expiry, in milliseconds of the owner's clock; Infinity: never. */
  constructor (owner: DeliveryOwner, pump: DeliveryPump, cursor: Cursor, writer: ResponseWriter, form = owner.form, expiresAt = Infinity) {
    this.cursor = cursor
    this.#writer = writer
    this.#owner = owner
    this.#pump = pump
    this.form = form
    this.#deadlines = new Deadlines(owner.limits.timeouts, owner.now, expiresAt)
    this.ending = new Ending(this)
  }

  get isOver (): boolean { return this.#state === 'over' || this.#state === 'closed' }

  get isClosed (): boolean { return this.#state === 'closed' }

  get endTimeout (): number { return this.#owner.limits.endTimeout }

  get showsHeartbeats (): boolean { return this.form.showsHeartbeats }

  /** The bytes of memory that the pending sends take. */
  get pendingBytes (): number { return this.#pendingSends?.size ?? 0 }

  /** Places a text for this subscriber alone at the head of the log. Does nothing if the text is empty, or the stream is ending. */
  enqueue (text: string): void {
    if (text === '' || this.ending.reason !== undefined) return
    this.#pending().add(this.cursor.head, text)
    this.#requestService()
  }

  /**
   * Places an event for this subscriber alone at the head of the log.
   *
   * @returns A promise that resolves to true once the event is handed to the socket, to false if the stream ends first.
   */
  send (text: string): Promise<boolean> {
    if (this.ending.reason !== undefined) return Promise.resolve(false)
    this.gaveEvent = true
    return new Promise((resolve) => {
      this.#pending().add(this.cursor.head, text, resolve)
      this.#requestService()
    })
  }

  /** Places a newly drawn reconnection time at the head of the log, or replaces a reconnection time that still waits. */
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

  stopHere (last: string): void {
    this.#dropPendingSends()
    if (last !== '') this.#pending().add(this.cursor.index, last)
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

  /** Called when the response has closed, from either side. Releases everything that the delivery holds. */
  close (): void {
    this.ending.responseClosed()
    this.#pump.passBy(this, false)
    this.#state = 'closed'
    this.cursor.release()
    this.#dropPendingSends()
    // Otherwise an application that keeps a closed subscriber would keep its request in memory.
    this.#writer = NOWHERE
  }

  /** Counts the running sources of `subscriber.stream`. @param isRunning True when a source begins, false when it ends. */
  streams (isRunning: boolean): void {
    this.sources += isRunning ? 1 : -1
    // The idle time begins with the end of the last source.
    this.gaveEvent = true
  }

  /** Handles the deadlines that have passed. Called at every tick of the clock. */
  checkDeadlines (times: Times): void {
    this.ending.enforceRevocation(times.awake)
    const due = this.#deadlines.check(times, this.#writer, this)
    if (due === 'heartbeat') this.#beat(times)
    else if (due !== undefined) this.ending.endDue(due)
  }

  #beat (times: Times): void {
    if (!this.showsHeartbeats) {
      // A comment is needed only if nothing else waits to be written.
      if (this.#state === 'open' && !this.waiting) this.enqueue(this.form.heartbeat)
      return
    }
    // Sent even if entries wait, because the page may not listen to those. Not sent if a send waits, so that heartbeats do not accumulate for
    // a reader that accepts nothing.
    if (this.#pendingSends !== undefined) return
    this.#deadlines.showedHeartbeat(times)
    this.enqueue(this.form.heartbeat)
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

  /** Reads the next entries, up to the next pending send or the end. @returns Undefined if there are none, or if some were lost. */
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

  /** Handles the eviction of entries that the subscriber has not received: ends the stream, or sends `sse.gap` and continues. */
  #skipLostEntries (): number {
    const { closesSlow, replaysGaps } = this.#owner.limits
    const reason = this.cursor.lossReason
    if (this.ending.endAtLoss(reason, closesSlow)) return this.#finish()
    this.cursor.skip(!replaysGaps)
    this.#owner.counters.gaps[reason]++
    const gap = textChunk(this.cursor.gap(reason))
    const batch = replaysGaps ? this.#nextBatch() : undefined
    if (batch === undefined) return this.#write(gap)
    // Both are written, even if the gap alone fills the socket: the batch may be evicted before the socket drains, and a reader of large
    // events would get one gap after another and no event.
    return this.#write(batch.chunk, gap)
  }

  #finish (): number {
    this.#state = 'over'
    if (this.ending.isComplete) this.#writer.end()
    else this.#writer.endIncomplete()
    return 0
  }

  /** @param ahead A chunk to write before `chunk`. @returns The number of bytes written. */
  #write (chunk: Chunk, ahead?: Chunk): number {
    let { length } = chunk
    if (ahead !== undefined) {
      length += ahead.length
      this.#writer.write(ahead)
    }
    this.#owner.counters.bytes += length
    this.wrote = true
    if (!this.#writer.write(chunk)) this.#waitForDrain()
    return length
  }

  #waitForDrain (): void {
    this.#state = 'pushed back'
    this.#pump.passBy(this, true)
    this.#writer.onceDrained(() => {
      if (this.#state !== 'pushed back') return
      this.#state = 'open'
      this.cursor.drained()
      this.#pump.passBy(this, false)
      this.#requestService()
    })
  }

  #requestService (): void {
    if (this.waiting) this.#pump.add(this)
  }
}
