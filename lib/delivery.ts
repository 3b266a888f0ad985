import { Buffer } from 'node:buffer'
import { Asides } from './asides.ts'
import { textChunk, type Chunk } from './chunk.ts'
import type { CloseReason } from './close-reason.ts'
import type { Cursor } from './cursor.ts'
import type { GapReason } from './gap-reason.ts'
import { encodeClose } from './own-events.ts'
import type { ResponseWriter } from './response-writer.ts'

/** What was handed to the readers of this process. */
export interface Traffic {
  /** Events, times the subscribers that got them. */
  deliveries: number
  /** Bytes of event streams, without heads and transfer coding. */
  bytes: number
  /** How often a subscriber was told that entries were gone, by reason. */
  readonly gaps: Record<GapReason, number>
  /** Subscribers that began with entries from before they came. */
  replays: number
}

/** What holds for every subscriber. */
export interface SubscriberLimits {
  readonly maxBacklogBytes: number
  readonly maxChannelsPerSubscriber: number
  /** Whether one that fell out of the log is closed. */
  readonly closesSlow: boolean
  /** Milliseconds. */
  readonly stallTimeout: number
}

/** What a delivery hands upward. */
export interface DeliveryOwner {
  readonly traffic: Traffic
  readonly limits: SubscriberLimits
  /** There is something to serve it with, and its reader takes it. */
  ready (delivery: Delivery): void
}

/**
 * Brings one subscriber what is for it, in one order: the entries from its cursor on, and asides at their places; until the stream
 * ends, with exactly one reason.
 */
export class Delivery {
  readonly cursor: Cursor
  readonly #owner: DeliveryOwner
  #writer: ResponseWriter
  readonly #asides = new Asides()
  /** The index at which the stream ends, once somebody asked for that. */
  #endIndex = Infinity
  /** Why it ends or ended; undefined while it lives. */
  #reason: CloseReason | undefined
  #state: 'open' | 'pushed back' | 'ending' | 'closed' = 'open'
  /** Nothing else is to come on its connection. */
  #isLast = false
  /** The mark of its writer when that was last seen to change, and when that was. */
  #mark = NaN
  #markedAt = 0

  /** Whether it stands in the pump's queue. The pump's to change; kept here so that asking costs nothing. */
  queued = false

  constructor (owner: DeliveryOwner, cursor: Cursor, writer: ResponseWriter) {
    this.#owner = owner
    this.cursor = cursor
    this.#writer = writer
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

  get isClosed (): boolean { return this.#state === 'closed' }

  /** Bytes of asides that wait. */
  get asideBytes (): number { return this.#asides.bytes }

  /** Takes the place at the head of the log for bytes that go to this subscriber alone. Not on a stream that ends. */
  tell (bytes: Buffer): void {
    if (this.#reason !== undefined) return
    this.#asides.add(this.cursor.head, bytes)
    this.#beServed()
  }

  /** The same; resolves with whether they were handed to the socket. */
  hand (bytes: Buffer): Promise<boolean> {
    if (this.#reason !== undefined) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#asides.add(this.cursor.head, bytes, resolve)
      this.#beServed()
    })
  }

  /** The same for a `retry` field. One that still waits is replaced. */
  tellRetry (text: string): void {
    if (this.#reason !== undefined) return
    this.#asides.addRetry(this.cursor.head, Buffer.from(text))
    this.#beServed()
  }

  /**
   * Ends the stream at its place in the order: after everything placed before this call.
   *
   * @param final The reader is told to stay away.
   */
  end (reason: CloseReason, final = false): void {
    if (reason === 'shutdown') this.#isLast = true
    if (this.#reason !== undefined) return
    if (final) this.tell(Buffer.from(encodeClose(reason)))
    this.#reason = reason
    this.#endIndex = this.cursor.head
    this.cursor.end()
    this.#beServed()
  }

  /**
   * Ends the stream where it is: nothing that it has not got yet is written any more, even if it was to end later.
   *
   * @returns Whether it was not to end here before.
   */
  revoke (final: boolean): boolean {
    if (this.#state === 'ending' || this.#state === 'closed') return false
    const isAgain = this.#reason === 'revoked'
    // Who was told to stay away is not let in again.
    if (isAgain && !final) return false
    this.#reason = 'revoked'
    this.#asides.drop()
    if (final) this.#asides.add(this.cursor.index, Buffer.from(encodeClose('revoked')))
    this.#endIndex = this.cursor.index
    this.#beServed()
    return !isAgain
  }

  /** Cuts the connection, whatever still waits. */
  destroy (reason: CloseReason): void {
    if (this.#state === 'closed') return
    this.#reason = reason
    this.#state = 'ending'
    if (reason === 'shutdown') this.#writer.destroyLast()
    else this.#writer.destroy()
  }

  /**
   * Cuts the connection if its socket has sent nothing for too long. Called every now and then.
   *
   * @param time Milliseconds of the clock.
   */
  look (time: number): void {
    const { mark, backlog } = this.#writer
    if (backlog === 0 || mark !== this.#mark) {
      this.#mark = mark
      this.#markedAt = time
    } else if (time - this.#markedAt >= this.#owner.limits.stallTimeout) {
      this.destroy('stalled')
    }
  }

  /** Its response closed, whoever closed it: lets go of what it holds. */
  close (): void {
    // An end that was asked for but not reached: the reader was faster.
    if (this.#state !== 'ending') this.#reason = 'reader'
    this.#state = 'closed'
    this.cursor.release()
    this.#asides.drop()
    // Whoever holds on to a subscriber that has ended does not hold on to its request.
    this.#writer = NOWHERE
  }

  /** Whether `serve` would do something. */
  get waiting (): boolean {
    return this.#state === 'open' && (this.cursor.isBehind || this.#asides.size > 0 || this.#endIndex !== Infinity)
  }

  /**
   * Hands the next run to the socket: everything up to the head, to the next aside, or to the most that goes in one write.
   *
   * @returns The bytes written.
   */
  serve (): number {
    while (this.waiting) {
      const { index } = this.cursor
      if (this.#asides.index <= index) return this.#write(this.#asides.take())
      if (index >= this.#endIndex) return this.#finish()
      if (this.cursor.isLost) return this.#fallOut()
      const run = this.cursor.advance(Math.min(this.#asides.index, this.#endIndex))
      // Nothing that it hears stood there.
      if (run === undefined) continue
      this.#owner.traffic.deliveries += run.events
      return this.#write(run.chunk)
    }
    return 0
  }

  /** Entries it had not been given were evicted. */
  #fallOut (): number {
    // One that ends anyway is told, and ends as it was to.
    if (this.#owner.limits.closesSlow && this.#reason === undefined) {
      this.#reason = 'slow'
      return this.#finish()
    }
    this.cursor.skip()
    this.#owner.traffic.gaps.slow++
    return this.#write(textChunk(this.cursor.gap('slow')))
  }

  #finish (): number {
    this.#state = 'ending'
    if (this.#isLast) this.#writer.endLast()
    else this.#writer.end()
    return 0
  }

  #write (chunk: Chunk): number {
    this.#owner.traffic.bytes += chunk.plain.length
    if (!this.#writer.write(chunk)) {
      this.#state = 'pushed back'
      this.#writer.onceDrained(() => {
        if (this.#state !== 'pushed back') return
        this.#state = 'open'
        this.#beServed()
      })
    }
    return chunk.plain.length
  }

  #beServed (): void {
    if (this.waiting) this.#owner.ready(this)
  }
}

const NOWHERE: ResponseWriter = { backlog: 0, mark: 0, write: () => true, onceDrained () {}, end () {}, endLast () {}, destroy () {}, destroyLast () {} }
