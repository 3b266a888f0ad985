import { longestTimer, now } from './clock.ts'

/**
 * How long a server that closes still waits for its streams, those that open meanwhile included.
 */
export class ShutdownDeadline {
  /** Milliseconds. */
  readonly timeout: number
  /** When it waits no longer; undefined while it is not closing. */
  #until: number | undefined

  constructor (timeout: number) {
    this.timeout = timeout
  }

  get isUnderway (): boolean { return this.#until !== undefined }

  begin (): void {
    this.#until ??= now() + this.timeout
  }

  /** What is left of the time, for a timer. */
  get left (): number {
    return longestTimer(Math.max(0, (this.#until ?? Infinity) - now()))
  }
}
