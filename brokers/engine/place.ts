import { isAfter, NO_POSITION, type Position } from '../../lib/broker/position.ts'
import type { OrderState, StoredEntry, Token } from './engine.ts'

// Losses that are remembered for records whose acknowledgement comes after them.
const MAX_LOST = 16

/** The place up to which this process has received an order. */
export class Place {
  /** The newest position that was received, or that a loss leads to. */
  position = NO_POSITION
  /** The token at the position; undefined if it is not known. */
  #token: Token | undefined
  /** The positions that were never received, newest last. */
  #lost: ReadonlyArray<{ readonly after: Position, readonly upTo: Position }> = []

  /** False before the first entry or the load of the order. */
  get isKnown (): boolean { return this.position !== NO_POSITION }

  /** Begins at a position. */
  begin (position: Position, token?: Token): void {
    this.position = position
    this.#token = token
  }

  /** Moves to a kept entry, which is not before the place. */
  move ({ position, token }: StoredEntry): void {
    this.position = position
    this.#token = token
  }

  /** Moves over positions that were lost. @returns The newest of them. */
  lose (upTo: Position): Position {
    this.#lost = [...this.#lost.slice(-MAX_LOST), { after: this.position, upTo }]
    this.position = upTo
    this.#token = undefined
    return upTo
  }

  /** True for a position that was lost. */
  wasLost (position: Position): boolean {
    return this.#lost.some(({ after, upTo }) => isAfter(position, after) && !isAfter(position, upTo))
  }

  /** True if kept entries between the place and this one are missing. */
  isBefore ({ offset }: Position): boolean {
    return offset > this.position.offset + 1
  }

  /** True if the engine has lost what it had at the place, or has something else there. */
  isBeyond ({ head, floor, token }: OrderState): boolean {
    const { epoch, offset } = this.position
    if (!this.isKnown || head.epoch > epoch) return false
    if (head.epoch < epoch || head.offset < offset) return true
    // An entry that was forgotten cannot be compared.
    if (this.#token === undefined || token === undefined || offset <= floor) return false
    return token.publisher !== this.#token.publisher || token.counter !== this.#token.counter
  }
}
