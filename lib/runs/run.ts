import type { RegisteredEvents, SubscriberContext } from '../augmentable.ts'
import type { ReplyOfAnyServer } from '../open/stream-opener.ts'
import type { SafePromise } from '../safe-promise.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { RunSubscribeOptions } from './run-options.ts'
import type { RunEnd, RunStatus } from './run-status.ts'

/** The part of a run and of its owner that the application's object uses. */
interface RunParts<E extends object> {
  readonly id: string
  readonly context: SubscriberContext
  readonly finished: Promise<RunEnd>
  status (): RunStatus
  stop (): Promise<boolean>
  subscribe (reply: ReplyOfAnyServer, options: RunSubscribeOptions): Promise<Subscriber<E>>
}

/**
 * A run that this process has started: a stream with a name and an end, whose source goes on whether there are readers or not.
 *
 * @typeParam E The payload types, by event type.
 * @see docs/runs.md
 */
export class Run<E extends object = RegisteredEvents> {
  readonly #parts: RunParts<E>

  /** @internal */
  constructor (parts: RunParts<E>) {
    this.#parts = parts
  }

  /** The ID of the run, by which readers and other processes find it. */
  get id (): string { return this.#parts.id }

  /** The `context` that was passed to `start`; by default an empty object. */
  get context (): SubscriberContext { return this.#parts.context }

  /** The status now. */
  get status (): RunStatus { return this.#parts.status() }

  /** A promise of the status with which the run ends. It never rejects. */
  get finished (): Promise<RunEnd> { return this.#parts.finished }

  /**
   * Stops the run: its source ends, and its readers get the end.
   *
   * @returns A promise that you need not await: true if the run went on until now.
   * @throws Asynchronously and logged: FST_SSE_BROKER_UNAVAILABLE when the end could not be stored.
   */
  stop (): SafePromise<boolean> {
    return this.#parts.stop()
  }

  /**
   * Turns the request of any route into a stream of this run: every item from the start, or from the reader's last event ID on, then what comes,
   * then the end.
   *
   * @param reply The reply of the handler, not sent yet.
   * @param options `from`, `resume`, `context`, `expiresAt`, `plain`.
   * @returns A promise of the subscriber, as of `app.sse.subscribe`.
   * @throws Asynchronously: the errors of `app.sse.subscribe`, and FST_SSE_RUN_UNKNOWN (status 404) when the run is over.
   */
  subscribe (reply: ReplyOfAnyServer, options: RunSubscribeOptions = {}): Promise<Subscriber<E>> {
    return this.#parts.subscribe(reply, { context: this.context, ...options })
  }
}
