import type { Broker } from './broker.ts'

// A connection that comes back within this time is no reason to send readers to other processes.
const GRACE = 5000

/** Decides whether this process should get new readers. */
export class Readiness {
  readonly #broker: Broker
  #isLoaded = false

  constructor (broker: Broker) {
    this.#broker = broker
  }

  /** Called when the history is loaded. */
  loaded (): void {
    this.#isLoaded = true
  }

  /** True once the history is loaded, and unless the broker has been away for more than 5 s. */
  get isReady (): boolean {
    const { up, delay } = this.#broker.health()
    return this.#isLoaded && (up || delay < GRACE)
  }
}
