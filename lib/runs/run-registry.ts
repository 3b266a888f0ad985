import { randomBytes } from 'node:crypto'
import type { Broker, Order, OrderBounds } from '../broker/broker.ts'
import { createEpoch } from '../broker/position.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { AfterGap } from '../cursor/placement.ts'
import { BrokerUnavailable, Closed, RunExists, RunsExceeded, RunUnknown } from '../errors.ts'
import { Pump } from '../subscribers/pump.ts'
import { now } from '../time/clock.ts'
import { within } from '../time/within.ts'
import { LocalRun } from './local-run.ts'
import type { Mergers } from '../schema/merger.ts'
import { isRunId, type Starting } from './run-options.ts'
import { beginningRecord, type RunTerms } from './run-records.ts'
import type { RunReplica } from './run-replica.ts'

// The time to wait for an engine that loads a run.
const LOADING_TIMEOUT = 5000
// A run of another process that nobody reads here any more is forgotten after this time.
const IDLE_TIME = 30_000
// An engine keeps a run for longer than readers may come, because processes differ in their clocks; and for so long at least, because it may be away
// while the run goes on.
const KEPT_LONGER = 10_000
const KEPT_AT_LEAST = 300_000

interface RunRegistryParts {
  readonly broker: Broker
  readonly cluster: Cluster
  readonly afterGap: AfterGap
  readonly maxRuns: number
  readonly mergers: Mergers
  /** The time of the hub's clock, in milliseconds. */
  now (): number
}

/** The runs that this process knows: those that it has started, and those of other processes that have readers here. */
export class RunRegistry {
  readonly #parts: RunRegistryParts
  readonly #pump = new Pump()
  readonly #runs = new Map<string, LocalRun>()
  /** The runs that are being opened or begun, by ID. */
  readonly #opening = new Map<string, Promise<LocalRun>>()
  readonly #loading = new Set<LocalRun>()
  /** The runs whose beginning the engine may have stored, although it has not answered in time, by ID. */
  readonly #doubtful = new Map<string, LocalRun>()
  #isClosed = false
  /** The orders that are being closed, by ID. A process uses one object for an order at a time. */
  readonly #closing = new Map<string, Promise<void>>()

  constructor (parts: RunRegistryParts) {
    this.#parts = parts
  }

  /** The number of runs. */
  get size (): number { return this.#runs.size }

  [Symbol.iterator] (): Iterator<LocalRun> { return this.#runs.values() }

  /**
   * Begins a run.
   *
   * @throws FST_SSE_RUN_EXISTS when the ID is taken, FST_SSE_RUNS_EXCEEDED when there are too many, FST_SSE_BROKER_UNAVAILABLE when the engine does
   * not answer.
   */
  async begin ({ id: given, keepFor, maxBytes, stopWhenUnread }: Starting): Promise<LocalRun> {
    const id = given ?? randomBytes(18).toString('base64url')
    // A reader may be looking for it.
    for (let opening = this.#opening.get(id); opening !== undefined; opening = this.#opening.get(id)) await opening.catch(() => {})
    if (this.#present(id) !== undefined) throw new RunExists()
    const key = createEpoch()
    const terms = { key, node: this.#parts.cluster.node, keepFor, maxBytes, stopWhenUnread }
    return this.#open(id, async (run) => {
      await this.#load(run, terms)
      const { status, replica } = run
      if (status !== undefined && !hasPassed(replica.end?.time, replica.terms!.keepFor)) throw new RunExists()
      await run.order.publish(beginningRecord(terms, replica.terms?.key)).catch((error: unknown) => {
        if ((error as Partial<BrokerUnavailable>).stored === undefined) this.#doubtful.set(id, run)
        throw error
      })
      // Another process was faster.
      if (replica.terms?.key !== key) throw new RunExists()
    })
  }

  /**
   * Finds a run, on whatever node its source is.
   *
   * @throws FST_SSE_RUN_UNKNOWN when there is none of this ID, or it is over, FST_SSE_RUNS_EXCEEDED, FST_SSE_BROKER_UNAVAILABLE.
   */
  find (id: unknown): LocalRun | Promise<LocalRun> {
    if (!isRunId(id)) throw new RunUnknown()
    const opening = this.#opening.get(id)
    // A run of another process may have been faster than one that is being started here.
    if (opening !== undefined) return opening.catch((error: unknown) => { if (error instanceof RunExists) return this.find(id); throw error })
    const present = this.#present(id)
    if (present !== undefined) return present
    if (!this.#isShared) throw new RunUnknown()
    return this.#open(id, async (run) => {
      if (!await this.#exists(run.order)) throw new RunUnknown()
      await this.#load(run)
      const { status, replica } = run
      if (status === undefined || hasPassed(replica.end?.time, replica.terms!.keepFor)) throw new RunUnknown()
    })
  }

  /** True if readers of a run may still come. Its ID may be that of a later run. */
  keeps (run: LocalRun): boolean {
    return this.#present(run.id) === run
  }

  /** True if a run has a reader here, or had one within so many milliseconds. */
  isRead (id: string, milliseconds: number): boolean {
    const run = this.#runs.get(id)
    return run !== undefined && run.hadReaders && !run.isUnreadFor(milliseconds)
  }

  /** Forgets runs that are over. Called at every tick of the clock. */
  tick (): void {
    for (const run of this.#runs.values()) {
      const isIdle = run.producer === undefined && this.#isShared && run.isUnreadFor(idleTimeOf(run))
      if (run.isOver || (isIdle && !run.isEnding)) this.#forget(run)
    }
    for (const run of this.#doubtful.values()) {
      // It has begun, without a source.
      if (run.status === 'running') this.#opens(run)
      if (!this.#parts.broker.health().up) run.touch()
      if (run.status === 'running' || run.isUnreadFor(IDLE_TIME)) this.#decide(run)
    }
  }

  /** Follows no run any more. @param timeout The longest time to wait for what is being published, in milliseconds. */
  async close (timeout: number): Promise<void> {
    this.#isClosed = true
    const begun = now()
    await Promise.all([...this.#runs.values(), ...this.#loading, ...this.#doubtful.values()].map((run) => run.close(timeout)))
    // A question to an engine that does not answer may take longer.
    const rest = Promise.allSettled([...this.#opening.values(), ...this.#closing.values()])
    await within(Math.max(0, timeout - (now() - begun)), rest, () => new Closed('A run was looked for')).catch(() => {})
  }

  get #isShared (): boolean { return this.#parts.cluster.isShared }

  #present (id: string): LocalRun | undefined {
    const run = this.#runs.get(id)
    if (run?.isOver !== true) return run
    this.#forget(run)
    return undefined
  }

  #open (id: string, load: (run: LocalRun) => Promise<void>): Promise<LocalRun> {
    if (this.#isClosed) throw new Closed('A run was looked for')
    const opening = this.#opened(id, load).finally(() => this.#opening.delete(id))
    this.#opening.set(id, opening)
    return opening
  }

  async #opened (id: string, load: (run: LocalRun) => Promise<void>): Promise<LocalRun> {
    const { broker, afterGap, mergers, now } = this.#parts
    const doubtful = this.#doubtful.get(id)
    if (doubtful !== undefined) this.#decide(doubtful)
    await this.#closing.get(id)
    const order = broker.order(`run:${id}`)
    const run: LocalRun = new LocalRun({ id, order, pump: this.#pump, afterGap, mergers, now, forget: () => this.#forget(run) })
    try {
      await load(run)
      this.#opens(run)
      return run
    } catch (error) {
      if (this.#isClosed) this.#close(run)
      // A run that is in the way is watched: its process may have died.
      else if (error instanceof RunExists && run.status === 'running') this.#opens(run)
      else if (this.#doubtful.get(id) !== run) this.#close(run)
      throw error
    } finally {
      this.#loading.delete(run)
    }
  }

  /** Asks the engine whether an order exists. */
  async #exists (order: Order): Promise<boolean> {
    try {
      return await order.head!() !== undefined
    } catch (cause) {
      if (this.#isClosed) throw new Closed('A run was looked for')
      throw new BrokerUnavailable(this.#parts.broker.kind, 'it did not answer', false, cause)
    }
  }

  /** Takes note that a doubtful run has begun, or that nobody waits for that any more. */
  #decide (run: LocalRun): void {
    this.#doubtful.delete(run.id)
    if (this.#runs.get(run.id) !== run) this.#close(run)
  }

  #opens (run: LocalRun): void {
    run.open()
    this.#runs.set(run.id, run)
  }

  /** @param own The terms of the run that this process is about to begin. */
  async #load (run: LocalRun, own?: RunTerms): Promise<void> {
    const { maxRuns } = this.#parts
    if (this.#isClosed) throw new Closed('A run was looked for')
    // A run that is only looked for does not count: anybody may ask for runs that do not exist.
    if (this.#runs.size + this.#loading.size + this.#doubtful.size >= maxRuns) throw new RunsExceeded(maxRuns)
    this.#loading.add(run)
    const { order, replica } = run
    const loaded = order.start(replica, boundsOf(replica, own))
    await within(LOADING_TIMEOUT, loaded, () => new BrokerUnavailable(this.#parts.broker.kind, `a run was not loaded within ${LOADING_TIMEOUT} ms`, false, undefined))
  }

  #forget (run: LocalRun): void {
    if (this.#runs.get(run.id) !== run) return
    this.#runs.delete(run.id)
    this.#close(run)
  }

  #close (run: LocalRun): void {
    this.#closing.set(run.id, run.close(0).finally(() => this.#closing.delete(run.id)))
  }
}

/** What the engine is to keep of a run. Every node that follows a run learns its terms from its records. */
function boundsOf (replica: RunReplica, own: RunTerms | undefined): OrderBounds {
  return {
    maxEvents: Infinity,
    get maxBytes () { return replica.terms?.maxBytes ?? Infinity },
    get keepFor () { return Math.max(Math.max(replica.terms?.keepFor ?? 0, own?.keepFor ?? 0) + KEPT_LONGER, KEPT_AT_LEAST) }
  }
}

/** How long a run of another process is remembered without a reader here: its own process may ask whether it had one. */
function idleTimeOf ({ replica: { terms } }: LocalRun): number {
  return terms === undefined || terms.stopWhenUnread === Infinity ? IDLE_TIME : Math.max(IDLE_TIME, terms.stopWhenUnread)
}

/** True if a time was so long ago. @param time Milliseconds since 1970; undefined: it is still to come. */
function hasPassed (time: number | undefined, milliseconds: number): boolean {
  return time !== undefined && Date.now() - time >= milliseconds
}
