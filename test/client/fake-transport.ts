import type { Attempt, AttemptListener, AttemptOptions } from '../../client/connection/attempt.ts'
import type { Failure } from '../../client/connection/failure.ts'

/** An attempt that the test controls. Like a real attempt it reports nothing after `close`. */
export class FakeAttempt implements Attempt {
  readonly seesComments: boolean
  readonly options: AttemptOptions
  readonly heard: string[]
  readonly #listener: AttemptListener
  isClosed = false

  constructor (options: AttemptOptions, listener: AttemptListener, seesComments: boolean) {
    this.options = options
    this.heard = [...options.types]
    this.#listener = listener
    this.seesComments = seesComments
  }

  /** The last event ID in the query of its URL. */
  get askedFor (): string | null { return new URL(this.options.url + this.options.resumeQuery).searchParams.get('lastEventId') }

  listenTo (type: string): void { this.heard.push(type) }
  close (): void { this.isClosed = true }

  /** Reports the response head of a stream. */
  head (): void { if (!this.isClosed) this.#listener.opened() }
  retry (): void { if (!this.isClosed) this.#listener.retrying() }
  sign (): void { if (!this.isClosed) this.#listener.sign() }
  comment (): void {
    this.sign()
    if (!this.isClosed) this.#listener.comment()
  }

  lose (verdict: Failure = {}): void { if (!this.isClosed) this.#listener.lost(verdict) }
  event (type: string, data: unknown, lastEventId: string): void {
    this.eventOfText(type, JSON.stringify(data), lastEventId)
  }

  /** Delivers an event with this data, which need not be JSON. */
  eventOfText (type: string, data: string, lastEventId: string): void {
    if (!this.isClosed) this.#listener.event({ type, data, lastEventId })
  }
}

/** A transport that records every attempt, in order. */
export class FakeTransport {
  readonly attempts: FakeAttempt[] = []
  readonly #seesComments: boolean

  constructor ({ seesComments = false } = {}) {
    this.#seesComments = seesComments
  }

  readonly open = (options: AttemptOptions, listener: AttemptListener): Attempt => {
    const attempt = new FakeAttempt(options, listener, this.#seesComments)
    this.attempts.push(attempt)
    return attempt
  }

  get last (): FakeAttempt { return this.attempts.at(-1)! }
  get alive (): FakeAttempt[] { return this.attempts.filter(({ isClosed }) => !isClosed) }
}
