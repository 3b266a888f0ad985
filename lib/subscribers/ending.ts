import type { Cursor } from '../cursor/cursor.ts'
import type { Due } from '../time/deadlines.ts'
import { encodeClose } from '../wire/plugin-events.ts'
import type { CloseReason } from '../wire/reasons.ts'

/** What an ending does to its stream. */
export interface EndingStream {
  readonly cursor: Cursor
  /** The end was written, or the connection cut. */
  readonly isOver: boolean
  readonly isClosed: boolean
  /** Milliseconds that a reader has to take the end of a stream that was revoked. */
  readonly endTimeout: number
  enqueue (text: string): void
  enqueueRetry (): void
  /** Ends the stream after every entry and send that was placed before this call. */
  stopAtHead (): void
  /** Ends the stream where it is. Drops its pending sends; `last` is all that is still written. */
  stopHere (last: string | undefined): void
  closeConnectionAfterEnd (): void
  /** @param withConnection Also where other streams share the connection. */
  cut (withConnection: boolean): void
}

/**
 * How one stream ends, with exactly one close reason.
 */
export class Ending {
  readonly #stream: EndingStream
  #reason: CloseReason | undefined
  /** The server closes: nothing else will use the connection. */
  #isLast = false
  /** When the revocation was first noticed, in awake time. */
  #revocationSeenAt: number | undefined

  constructor (stream: EndingStream) {
    this.#stream = stream
  }

  /** Why the stream ends or ended; undefined while it lives. */
  get reason (): CloseReason | undefined { return this.#reason }

  /** The reader lost the right to hear the stream. */
  get #isRevocation (): boolean { return this.#reason === 'revoked' || this.#reason === 'expired' }

  /**
   * Ends the stream at its place in the order: after everything placed before this call. Does nothing if it ends already.
   *
   * @param final The reader is told to stay away.
   */
  end (reason: CloseReason, final = false): void {
    if (reason === 'shutdown') {
      this.#isLast = true
      this.#stream.closeConnectionAfterEnd()
    }
    if (this.#reason !== undefined) return
    if (final) this.#stream.enqueue(encodeClose(reason))
    this.#reason = reason
    this.#stream.stopAtHead()
  }

  /** Ends the stream like `end`, and draws a reconnection time for this reader alone. */
  endForReconnect (reason: CloseReason): void {
    this.#stream.enqueueRetry()
    this.end(reason)
  }

  /**
   * Ends the stream where it is: no entry that the reader has not got is written any more, even if the stream was to end later.
   *
   * @returns True if this call is the first to revoke the stream.
   */
  revoke (reason: 'revoked' | 'expired', final: boolean): boolean {
    if (this.#stream.isOver) return false
    const isAgain = this.#isRevocation
    // A second revocation may make the first one final, but not take that back.
    if (isAgain && !final) return false
    this.#reason = reason
    this.#stream.stopHere(final ? encodeClose(reason) : undefined)
    return !isAgain
  }

  /** Ends a stream whose reader fell out of the log, unless it ends already. @returns Whether it did. */
  endSlow (): boolean {
    if (this.#reason !== undefined) return false
    this.#reason = 'slow'
    return true
  }

  /** Ends the stream because a deadline has passed. */
  endDue (due: Exclude<Due, 'heartbeat'>): void {
    if (due === 'stalled') this.destroy(due)
    else if (due === 'expired') this.revoke(due, false)
    else this.endForReconnect(due)
  }

  /** Cuts a stream that was revoked and whose reader does not take its end in time. @param awake Milliseconds of awake time. */
  enforceRevocation (awake: number): void {
    if (!this.#isRevocation) return
    this.#revocationSeenAt ??= awake
    if (awake - this.#revocationSeenAt >= this.#stream.endTimeout) this.destroy(this.#reason!)
  }

  /** Cuts the connection, whatever still waits. */
  destroy (reason: CloseReason): void {
    if (this.#stream.isClosed) return
    // A revocation stays the reason: why the stream ended matters more than how.
    if (!this.#isRevocation) this.#reason = reason
    this.#stream.cut(reason === 'shutdown' || this.#isLast)
  }

  /** The response has closed. An end that was asked for but not written counts as the reader's. */
  responseClosed (): void {
    if (!this.#stream.isOver) this.#reason = 'reader'
  }
}
