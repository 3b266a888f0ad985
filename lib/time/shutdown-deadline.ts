import { longestTimer, now } from './clock.ts'

/**
 * The shutdown deadline: how long a closing server waits for its streams, including streams that open meanwhile.
 */
export class ShutdownDeadline {
  /** The time in milliseconds that the server waits. */
  readonly timeout: number
  /** The end of the wait in monotonic milliseconds; undefined while the server is not closing. */
  #until: number | undefined

  constructor (timeout: number) {
    this.timeout = timeout
  }

  /** True once the server has begun to close. */
  get isUnderway (): boolean { return this.#until !== undefined }

  /** Starts the wait. Further calls do nothing. */
  begin (): void {
    this.#until ??= now() + this.timeout
  }

  /** The rest of the wait in milliseconds, as a delay that `setTimeout` accepts. */
  get left (): number {
    return longestTimer(Math.max(0, (this.#until ?? Infinity) - now()))
  }
}
