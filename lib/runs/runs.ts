import type { RegisteredEvents, SubscriberContext, Takes } from '../augmentable.ts'
import type { Broker } from '../broker/broker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { AfterGap } from '../cursor/placement.ts'
import { Closed, RunUnknown, SourceInvalid } from '../errors.ts'
import type { ReplyOfAnyServer, StreamOpener } from '../open/stream-opener.ts'
import type { EventEncoder } from '../publish/event-encoder.ts'
import type { EventTypes } from '../schema/event-types.ts'
import type { SafePromise } from '../safe-promise.ts'
import type { Source } from '../subscribers/stream-source.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { LocalRun } from './local-run.ts'
import { ItemEncoder } from './item-encoder.ts'
import { Producer } from './producer.ts'
import { PublishBudget } from './publish-budget.ts'
import { Run } from './run.ts'
import {
  readRunSubscribeOptions, readStart, readStartOptions, type RunItem, type RunSettings, type RunSubscribeOptions, type StartOptions
} from './run-options.ts'
import { RunRegistry } from './run-registry.ts'
import type { RunStats } from './run-stats.ts'
import type { RunEnd, RunStatus } from './run-status.ts'
import { kindOf } from '../value-text.ts'

interface RunsParts {
  readonly broker: Broker
  readonly cluster: Cluster
  readonly eventTypes: EventTypes
  readonly encoder: EventEncoder
  readonly opener: StreamOpener
  readonly settings: RunSettings
  readonly afterGap: AfterGap
  /** The time of the hub's clock, in milliseconds. */
  now (): number
  /** Called with an error that the application may not see. @param message What has failed, for the log. */
  failed (error: unknown, run: string, message: string): void
  /** Called with the first error of the `merge` of an event. */
  mergeFailed (error: unknown, event: string): void
  /** Called with the error of a `subscribe`. */
  subscribeFailed (reply: ReplyOfAnyServer, error: unknown): void
}

/**
 * The runs of a hub: streams with a name, a source that goes on without readers, readers on any node, and an end that every one of them gets.
 *
 * @typeParam E The payload types, by event type.
 * @see docs/runs.md
 */
export class Runs<E extends object = RegisteredEvents> {
  /** Type information only; no such property exists at run time. */
  declare protected readonly takes?: Takes<E>
  readonly #parts: RunsParts
  readonly #registry: RunRegistry
  readonly #budget = new PublishBudget()
  #isClosed = false
  #started = 0
  readonly #ends = { done: 0, stopped: 0, failed: 0, lost: 0 }

  /** @internal */
  constructor (parts: RunsParts) {
    this.#parts = parts
    const mergers = parts.eventTypes.mergers((error, event) => parts.mergeFailed(error, event))
    this.#registry = new RunRegistry({ ...parts, mergers, maxRuns: parts.settings.maxRuns })
  }

  /**
   * Starts a run.
   *
   * @param event The event type of every item. Without it the source gives `{ event, data }`.
   * @param source Returns the items. It is called with a signal that is aborted when the run is stopped. It is not bound to any reader.
   * @param options `id`, `keepFor`, `maxBytes`, `stopWhenUnread`, `context`.
   * @returns A promise of the run, once it has its place: readers may come.
   * @throws Asynchronously: FST_SSE_RUN_EXISTS when the ID is taken, FST_SSE_RUNS_EXCEEDED, FST_SSE_CLOSED, FST_SSE_BROKER_UNAVAILABLE,
   * FST_SSE_EVENT_UNKNOWN, FST_SSE_SOURCE_INVALID, FST_SSE_OPTION_INVALID, FST_SSE_OPTION_UNKNOWN. If the source throws, that is logged, and the run
   * ends as `failed`.
   * @see docs/runs.md
   */
  start<K extends keyof E & string> (event: K, source: Source<E[K]>, options?: StartOptions): Promise<Run<E>>
  start (source: Source<RunItem<E>>, options?: StartOptions): Promise<Run<E>>
  async start (first: unknown, second?: unknown, third?: unknown): Promise<Run<E>> {
    const { event, source, options } = readStart(first, second, third)
    const starting = readStartOptions(options, this.#parts.settings)
    if (typeof source !== 'function') throw new SourceInvalid('a run', `is ${kindOf(source)}`)
    if (event !== undefined) this.#parts.eventTypes.demandKnown(event)
    if (this.#isClosed) throw new Closed('A run was started')
    const local = await this.#registry.begin(starting)
    if (this.#isClosed) throw new Closed('A run was started')
    this.#produce(local, event, source)
    return this.#handle(local, starting.context)
  }

  /**
   * Turns the request of any route into a stream of a run, on whatever node its source is.
   *
   * @param reply The reply of the handler, not sent yet.
   * @param id The ID of the run, as the request gives it.
   * @param options `from`, `resume`, `context`, `expiresAt`, `plain`.
   * @returns A promise of the subscriber, as of `app.sse.subscribe`. A reader that has everything gets 204, and its subscriber is closed.
   * @throws Asynchronously: FST_SSE_RUN_UNKNOWN (status 404) when there is no such run, or it is over; FST_SSE_RUNS_EXCEEDED,
   * FST_SSE_BROKER_UNAVAILABLE, and the errors of `app.sse.subscribe`.
   * @see docs/runs.md
   */
  subscribe (reply: ReplyOfAnyServer, id: string, options: RunSubscribeOptions = {}): Promise<Subscriber<E>> {
    return this.#subscribe(reply, () => this.#registry.find(id), options)
  }

  /**
   * Stops a run, on whatever node its source is.
   *
   * @returns A promise of true if the run went on until now. You need not await it.
   * @throws Asynchronously: FST_SSE_RUN_UNKNOWN (status 404); and logged: FST_SSE_RUNS_EXCEEDED, FST_SSE_BROKER_UNAVAILABLE.
   * @see docs/runs.md
   */
  stop (id: string): SafePromise<boolean> {
    return this.#logged(id, this.#find(id).then((run) => this.#stop(run)))
  }

  /**
   * Returns the status of a run, on whatever node its source is.
   *
   * @throws Asynchronously: FST_SSE_RUN_UNKNOWN (status 404), FST_SSE_RUNS_EXCEEDED, FST_SSE_BROKER_UNAVAILABLE.
   * @see docs/runs.md
   */
  async status (id: string): Promise<RunStatus> {
    return (await this.#find(id)).status!
  }

  /** The figures of the runs of this process. @internal */
  stats (): RunStats {
    const runs = [...this.#registry]
    return {
      known: runs.length,
      running: runs.filter(({ status }) => status === 'running').length,
      bytes: runs.reduce((sum, { replica }) => sum + replica.log!.bytes, 0),
      started: this.#started,
      ends: { ...this.#ends }
    }
  }

  /** Checks what time does to runs. Called at every tick of the clock. @internal */
  tick (): void {
    const { broker, cluster } = this.#parts
    cluster.listens(broker.health().up)
    for (const run of this.#registry) {
      if (run.status !== 'running') continue
      const { node, stopWhenUnread } = run.replica.terms!
      // Its process has died, or it is one of ours whose start has failed. The first node that notices says so to all.
      if (cluster.isGone(node) || (node === cluster.node && run.producer === undefined)) run.end('lost').catch(() => {})
      else if (run.due !== undefined) this.#end(run, run.due)
      else if (run.producer !== undefined && run.isUnreadFor(stopWhenUnread) && broker.health().up) void this.#stopUnread(run, stopWhenUnread)
    }
    this.#registry.tick()
  }

  /** True if a run has a reader in this process, or had one within so many milliseconds. @internal */
  isRead (id: string, milliseconds: number): boolean {
    return this.#registry.isRead(id, milliseconds)
  }

  /** Stops every run that this process has started, after its readers were told to come back. @internal */
  async close (timeout: number): Promise<void> {
    this.#isClosed = true
    const runs = [...this.#registry]
    for (const run of runs) run.feed.sendAway('shutdown')
    const produced = runs.filter(({ producer }) => producer !== undefined)
    for (const run of produced) run.halt()
    await this.#registry.close(timeout)
    for (const run of produced) run.abandon()
  }

  /** Ends a run. If the broker does not take the end, it is tried again at the next tick. */
  #end (run: LocalRun, status: RunEnd): void {
    run.due = status
    run.end(status).catch(() => {})
  }

  /** Stops a run that nobody reads here, unless somebody reads it elsewhere. */
  async #stopUnread (run: LocalRun, stopWhenUnread: number): Promise<void> {
    const { usedAt } = run
    const { cluster, now } = this.#parts
    if (now() < run.askAt) return
    run.askAt = Infinity
    const isRead = await cluster.isRead(run.id, stopWhenUnread)
    // Readers elsewhere are asked for again before they can have been gone for long.
    run.askAt = now() + (isRead ? stopWhenUnread / 4 : 0)
    if (!isRead && run.status === 'running' && run.isUnreadFor(stopWhenUnread) && run.usedAt === usedAt) this.#end(run, 'stopped')
  }

  async #find (id: string): Promise<LocalRun> {
    return this.#registry.find(id)
  }

  #produce (run: LocalRun, event: string | undefined, source: Source<unknown>): void {
    const { encoder, failed } = this.#parts
    const { order, feed, replica: { terms, log } } = run
    this.#started++
    void run.finished.then((status) => { this.#ends[status]++ })
    // Another node may have ended it already.
    if (run.status !== 'running') return
    run.producer = new Producer({
      order,
      terms: terms!,
      encoder: new ItemEncoder(encoder, event, terms!.maxBytes),
      budget: this.#budget,
      log: log!,
      readers: feed,
      failed: (error) => failed(error, run.id, 'sse: the source of a run failed')
    })
    void run.producer.produce(event ?? 'a run', source).then((status) => { if (status !== undefined) this.#end(run, status) })
  }

  #handle (local: LocalRun, context: SubscriberContext): Run<E> {
    return new Run({
      id: local.id,
      context,
      finished: local.finished,
      status: () => local.status!,
      stop: () => this.#logged(local.id, this.#stop(local)),
      subscribe: (reply, options) => this.#subscribe(reply, () => this.#own(local), options)
    })
  }

  #own (run: LocalRun): LocalRun {
    if (!this.#registry.keeps(run)) throw new RunUnknown()
    return run
  }

  async #stop (run: LocalRun): Promise<boolean> {
    if (run.status !== 'running') return false
    await run.end('stopped')
    return run.status === ('stopped' as RunStatus)
  }

  #subscribe (reply: ReplyOfAnyServer, find: () => LocalRun | Promise<LocalRun>, options: RunSubscribeOptions): Promise<Subscriber<E>> {
    const { opener, subscribeFailed } = this.#parts
    let settled = (): void => {}
    const subscribed = opener.open(reply, find, (run) => {
      settled = run.expectReader()
      return { feed: run.feed, ...readRunSubscribeOptions(options) }
    }) as Promise<Subscriber<E>>
    subscribed.catch((error: unknown) => subscribeFailed(reply, error)).finally(() => settled())
    return subscribed
  }

  #logged<T> (run: string, promise: Promise<T>): Promise<T> {
    // A request may ask for any run.
    promise.catch((error: unknown) => { if (!(error instanceof RunUnknown)) this.#parts.failed(error, run, 'sse: a run could not be stopped') })
    return promise
  }
}
