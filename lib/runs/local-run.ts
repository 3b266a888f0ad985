import type { Order } from '../broker/broker.ts'
import type { AfterGap } from '../cursor/placement.ts'
import type { Pump } from '../subscribers/pump.ts'
import type { Mergers } from '../schema/merger.ts'
import type { Producer } from './producer.ts'
import { RunFeed } from './run-feed.ts'
import { RunReplica } from './run-replica.ts'
import { endRecord } from './run-records.ts'
import type { RunEnd, RunStatus } from './run-status.ts'

interface LocalRunParts {
  readonly id: string
  readonly order: Order
  readonly pump: Pump
  readonly afterGap: AfterGap
  readonly mergers: Mergers
  /** The time of the hub's clock, in milliseconds. */
  now (): number
  /** Called when this process is to follow the run no longer. */
  forget (): void
}

/** One run, as this process knows it. */
export class LocalRun {
  readonly #parts: LocalRunParts
  readonly replica: RunReplica
  readonly feed: RunFeed
  /** The producer, if the source is in this process. */
  producer: Producer | undefined
  /** The time of the hub's clock at which this process last had a reader of the run, or was asked for it. */
  usedAt: number
  /** True if this process has, or had, a reader of the run. */
  hadReaders = false
  /** The time of the hub's clock from which on nobody may read the run; Infinity while it goes on. */
  overAt = Infinity
  /** The time of the hub's clock from which on the other nodes may be asked whether they have readers. */
  askAt = 0
  /** The readers whose streams are being opened. */
  #coming = 0
  /** The status with which the run is to end, although the broker may not have taken the end yet; undefined: it goes on. */
  due: RunEnd | undefined
  #resolveFinished!: (status: RunEnd) => void
  readonly finished: Promise<RunEnd> = new Promise((resolve) => { this.#resolveFinished = resolve })
  /** The end that is being published. */
  #ending: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor (parts: LocalRunParts) {
    this.#parts = parts
    this.usedAt = parts.now()
    this.feed = new RunFeed({
      run: this,
      pump: parts.pump,
      afterGap: parts.afterGap,
      isShared: parts.order.head !== undefined,
      changed: () => {
        this.usedAt = parts.now()
        this.hadReaders = true
      }
    })
    this.replica = new RunReplica(this, parts.mergers)
  }

  get id (): string { return this.#parts.id }

  get order (): Order { return this.#parts.order }

  /** Called when the order is loaded, and a run that this process begins has begun. From now on there may be readers. */
  open (): void {
    this.replica.open()
    const { end } = this.replica
    if (end !== undefined) this.#ended(Math.max(0, Date.now() - end.time))
  }

  /** The status; undefined if there is no such run. */
  get status (): RunStatus | undefined {
    const { terms, end } = this.replica
    return terms === undefined ? undefined : end?.status ?? 'running'
  }

  /** True if the run has ended for so long that nobody may read it. */
  get isOver (): boolean { return this.#parts.now() >= this.overAt }

  /** True while an end is being published. */
  get isEnding (): boolean { return this.#ending !== undefined }

  /** True if the run has no reader here, and had none for so many milliseconds. */
  isUnreadFor (milliseconds: number): boolean {
    return this.feed.size + this.#coming === 0 && this.#parts.now() - this.usedAt >= milliseconds
  }

  /** Begins the time without a reader anew. */
  touch (): void {
    this.usedAt = this.#parts.now()
  }

  /** Takes note that a reader's stream is being opened. @returns A function to be called when it is open, or will not be. */
  expectReader (): () => void {
    this.#coming++
    return () => {
      this.#coming--
      this.touch()
    }
  }

  /**
   * Ends the run with a status, unless it has ended.
   *
   * @throws FST_SSE_BROKER_UNAVAILABLE when the end could not be published. The run goes on then.
   */
  end (status: RunEnd): Promise<void> {
    const { terms, end } = this.replica
    if (end !== undefined) return Promise.resolve()
    this.#ending ??= this.order.publish(endRecord(terms!, status, this.producer?.items)).then(() => {}).finally(() => { this.#ending = undefined })
    return this.#ending
  }

  /** Follows the run no longer, and closes its order once. @param timeout The longest time to wait for what is being published, in milliseconds. */
  close (timeout: number): Promise<void> {
    this.#closed ??= this.order.close(timeout)
    return this.#closed
  }

  /** Stops the run, because this process closes. */
  halt (): void {
    this.end('stopped').catch(() => {})
    this.producer?.stop('stopped')
  }

  /** Settles `finished` of a run whose end could not be published before this process closed. */
  abandon (): void {
    this.#resolveFinished('stopped')
  }

  /** Called by the replica when the run has ended just now. */
  ended (): void {
    this.#ended(0)
  }

  /** @param ago Milliseconds since the end. */
  #ended (ago: number): void {
    const { status } = this.replica.end!
    this.overAt = this.#parts.now() + this.replica.terms!.keepFor - ago
    // Items that were sent again after the loss must not look like a run that goes on.
    if (this.producer !== undefined && this.replica.wasReset) this.order.publish(endRecord(this.replica.terms!, status, undefined)).catch(() => {})
    this.producer?.stop(status)
    this.feed.end()
    this.#resolveFinished(status)
  }

  /** Called by the replica when another run of this name has begun in another process. */
  replaced (): void {
    this.#parts.forget()
  }

  /** Called by the replica when this process has missed what stood in the order. Whoever wants the run finds it anew: it may be another one by now. */
  missed (): void {
    if (this.producer !== undefined) return
    this.feed.sendAway('ended')
    this.#parts.forget()
  }
}
