import type { Cursor } from '../cursor/cursor.ts'
import type { Due } from '../time/deadlines.ts'
import type { CloseReason, GapReason } from '../wire/reasons.ts'
import type { RunEnding, StreamForm } from '../wire/stream-form.ts'

/** The part of a stream that its ending uses. */
export interface EndingStream {
  readonly cursor: Cursor
  readonly form: StreamForm
  /** True once the end is written or the stream is cut. */
  readonly isOver: boolean
  /** True once the response has closed. */
  readonly isClosed: boolean
  /** The time that a reader has to receive the end of a revoked stream, in milliseconds. */
  readonly endTimeout: number
  /** Places a text at the head of the log; an empty text is ignored. */
  enqueue (text: string): void
  enqueueRetry (): void
  /** Ends the stream after every entry and send that was placed before this call. */
  stopAtHead (): void
  /** Ends the stream at its present position, and drops its pending sends. @param last The only text that is still written. */
  stopHere (last: string): void
  closeConnectionAfterEnd (): void
  /** Cuts the stream. @param withConnection True: cuts the connection even if other streams share it. */
  cut (withConnection: boolean): void
}

/** Ends one stream, with exactly one close reason. */
export class Ending {
  readonly #stream: EndingStream
  #reason: CloseReason | undefined
  /** True if the application has ended the stream where what it gives comes to its end. */
  #isWhole = false
  /** True once the server closes: nothing else will use the connection. */
  #isLast = false
  /** The awake time at which the revocation was first noticed. */
  #revocationSeenAt: number | undefined

  constructor (stream: EndingStream) {
    this.#stream = stream
  }

  /** The close reason; undefined while no end is requested. */
  get reason (): CloseReason | undefined { return this.#reason }

  /**
   * False if the end must not look like the end of an answer: a plain stream cannot say why it ends, so its response ends only if the
   * application has ended the stream, and the run if it is one of a run.
   */
  get isComplete (): boolean { return !this.#stream.form.isPlain || this.#isWhole }

  /** True if the stream ends because its reader has lost the right to hear it. */
  get #isRevocation (): boolean { return this.#reason === 'revoked' || this.#reason === 'expired' }

  /**
   * Ends the stream after everything that was placed before this call. On a stream that is already ending, it does nothing, except that
   * `shutdown` still closes the connection.
   *
   * @param final True: the reader is told to stay away.
   * @param run The end of the run whose items the stream gives; undefined: the stream ends for another reason.
   */
  end (reason: CloseReason, final = false, run?: RunEnding): void {
    if (reason === 'shutdown') {
      this.#isLast = true
      this.#stream.closeConnectionAfterEnd()
    }
    if (this.#reason !== undefined) return
    this.#isWhole = reason === 'ended' && (run !== undefined || !this.#stream.cursor.hasEnd)
    this.#stream.enqueue(this.#last(reason, final, run))
    this.#reason = reason
    this.#stream.stopAtHead()
  }

  /** Ends the stream as `end` does, after a reconnection time drawn for this reader alone. */
  endForReconnect (reason: CloseReason): void {
    this.#stream.enqueueRetry()
    this.end(reason)
  }

  /**
   * Ends the stream at its present position. Entries that the reader has not received are not written, even if an end after them was
   * requested before.
   *
   * @returns True if this call is the first to revoke the stream.
   */
  revoke (reason: 'revoked' | 'expired', final: boolean): boolean {
    if (this.#stream.isOver) return false
    const isAgain = this.#isRevocation
    // A second revocation can make the first final, but cannot undo that.
    if (isAgain && !final) return false
    this.#reason = reason
    this.#isWhole = false
    this.#stream.stopHere(this.#last(reason, final))
    return !isAgain
  }

  /**
   * Decides whether a stream ends because entries that it should have delivered are lost, and sets its close reason then.
   *
   * @param closesSlow True: the stream ends if its reader was too slow.
   */
  endAtLoss (loss: GapReason, closesSlow: boolean): boolean {
    // A stream that is already ending gets `sse.gap`, and keeps its close reason. A plain stream cannot tell of the gap.
    const ends = this.#stream.form.isPlain || (loss === 'slow' && closesSlow && this.#reason === undefined)
    if (!ends) return false
    this.#reason = 'slow'
    this.#isWhole = false
    return true
  }

  #last (reason: CloseReason, final: boolean, run?: RunEnding): string {
    return this.isComplete ? this.#stream.form.close(reason, final, run) : ''
  }

  /** Ends the stream because a deadline has passed. */
  endDue (due: Exclude<Due, 'heartbeat'>): void {
    if (due === 'stalled') this.destroy(due)
    else if (due === 'expired') this.revoke(due, false)
    else this.endForReconnect(due)
  }

  /** Cuts a revoked stream if its reader does not receive the end in time. @param awake Awake time in milliseconds. */
  enforceRevocation (awake: number): void {
    if (!this.#isRevocation) return
    this.#revocationSeenAt ??= awake
    if (awake - this.#revocationSeenAt >= this.#stream.endTimeout) this.destroy(this.#reason!)
  }

  /** Cuts the stream immediately, with everything that still waits. */
  destroy (reason: CloseReason): void {
    if (this.#stream.isClosed) return
    // A revocation remains the close reason: why the stream ended matters more than how.
    if (!this.#isRevocation) this.#reason = reason
    this.#stream.cut(reason === 'shutdown' || this.#isLast)
  }

  /** Called when the response has closed. The close reason is `reader`, unless the end was written or the stream was cut before. */
  responseClosed (): void {
    if (!this.#stream.isOver) this.#reason = 'reader'
  }
}
