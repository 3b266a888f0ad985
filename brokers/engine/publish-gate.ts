import { isAfter, NO_POSITION, type Position } from '../../lib/broker/position.ts'

/**
 * Decides when the records of an order may be sent: not while it is in doubt whether the engine has lost its history, and not before this process
 * has received what the engine may have stored of them already.
 */
export class PublishGate {
  /** True while records are sent. */
  isOpen = false
  /** True if the engine is known to have the history of this process. */
  isSure = false
  /** Nothing is sent before this process has received everything up to this position. */
  #after = NO_POSITION
  /** True if the engine did not take a batch, and is to be asked again later. */
  #isFailing = false
  /** The number of batches without an answer. */
  #inFlight = 0

  /** Closes the gate until `confirm` or `begin`. */
  doubt (): void {
    this.isSure = this.isOpen = false
  }

  /** Closes the gate, because the session is lost, and with it every answer. */
  disconnected (): void {
    this.#inFlight = 0
    this.#isFailing = false
    this.doubt()
  }

  /** Takes note that there is no doubt. @param head The newest place of the engine. */
  confirm (head: Position): void {
    if (!this.isSure) this.#after = head
    this.isSure = true
  }

  /** Takes note that an epoch has begun, in which nothing was sent. */
  begin (): void {
    this.isOpen = false
    this.isSure = true
    this.#after = NO_POSITION
  }

  sent (): void {
    this.#inFlight++
  }

  answered (): void {
    this.#inFlight--
  }

  /** Closes the gate until `retry`, because the engine did not take a batch. */
  fail (): void {
    this.isOpen = false
    this.#isFailing = true
  }

  retry (): void {
    this.#isFailing = false
  }

  /**
   * Opens the gate if nothing is against it. Every batch must be answered, because records go in the order of the calls.
   *
   * @param position The position up to which this process has received the order.
   * @returns True if the gate was closed and is open now.
   */
  open (position: Position): boolean {
    if (this.isOpen || !this.isSure || this.#isFailing || this.#inFlight > 0 || isAfter(this.#after, position)) return false
    this.isOpen = true
    return true
  }
}
