import { randomBytes } from 'node:crypto'
import type { Broker } from '../broker/broker.ts'
import { createEpoch } from '../broker/position.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { AfterGap } from '../cursor/placement.ts'
import { BrokerUnavailable, RunExists, RunsExceeded, RunUnknown } from '../errors.ts'
import { Pump } from '../subscribers/pump.ts'
import { within } from '../time/within.ts'
import { LocalRun } from './local-run.ts'
import type { Mergers } from '../schema/merger.ts'
import { isRunId, type Starting } from './run-options.ts'
import { beginningRecord } from './run-records.ts'

// The time to wait for an engine that loads a run.
const LOADING_TIMEOUT = 5000
// A run of another process that nobody reads here any more is forgotten after this time.
const IDLE_TIME = 30_000
// An engine keeps a run for longer than readers may come, because processes differ in their clocks.
const KEPT_LONGER = 10_000

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
  async begin ({ id: given, keepFor, maxBytes }: Starting): Promise<LocalRun> {
    const id = given ?? randomBytes(18).toString('base64url')
    // A reader may be looking for it.
    await this.#opening.get(id)?.catch(() => {})
    if (this.#opening.has(id) || this.#present(id) !== undefined) throw new RunExists()
    const key = createEpoch()
    const terms = { key, node: this.#parts.cluster.node, keepFor, maxBytes }
    return this.#open(id, async (run) => {
      await this.#load(run, maxBytes, keepFor)
      const { status, replica } = run
      if (status !== undefined && !hasPassed(replica.end?.time, replica.terms!.keepFor)) throw new RunExists()
      await run.order.publish(beginningRecord(terms, replica.terms?.key))
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
    const present = this.#opening.get(id) ?? this.#present(id)
    if (present !== undefined) return present
    if (!this.#isShared) throw new RunUnknown()
    return this.#open(id, async (run) => {
      if (await run.order.head!() === undefined) throw new RunUnknown()
      await this.#load(run, Infinity, Infinity)
      const { status, replica } = run
      if (status === undefined || hasPassed(replica.end?.time, replica.terms!.keepFor)) throw new RunUnknown()
    })
  }

  /** True if a run has a reader here, or had one within so many milliseconds. */
  isRead (id: string, milliseconds: number): boolean {
    const run = this.#runs.get(id)
    return run !== undefined && run.hadReaders && (run.feed.size > 0 || run.unreadFor < milliseconds)
  }

  /** Forgets runs that are over. Called at every tick of the clock. */
  tick (): void {
    for (const run of this.#runs.values()) {
      const isIdle = run.producer === undefined && run.feed.size === 0 && this.#isShared && run.unreadFor >= IDLE_TIME
      if (run.isOver || isIdle) this.#forget(run)
    }
  }

  /** Follows no run any more. @param timeout The longest time to wait for what is being published, in milliseconds. */
  async close (timeout: number): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.order.close(timeout)))
  }

  get #isShared (): boolean { return this.#parts.cluster.isShared }

  #present (id: string): LocalRun | undefined {
    const run = this.#runs.get(id)
    if (run?.isOver !== true) return run
    this.#forget(run)
    return undefined
  }

  #open (id: string, load: (run: LocalRun) => Promise<void>): Promise<LocalRun> {
    const { maxRuns } = this.#parts
    if (this.#runs.size + this.#opening.size >= maxRuns) throw new RunsExceeded(maxRuns)
    const opening = this.#opened(id, load).finally(() => this.#opening.delete(id))
    this.#opening.set(id, opening)
    return opening
  }

  async #opened (id: string, load: (run: LocalRun) => Promise<void>): Promise<LocalRun> {
    const { broker, afterGap, mergers, now } = this.#parts
    await this.#closing.get(id)
    const order = broker.order(`run:${id}`)
    const run: LocalRun = new LocalRun({ id, order, pump: this.#pump, afterGap, mergers, now, replaced: () => this.#forget(run) })
    try {
      await load(run)
    } catch (error) {
      this.#close(run)
      throw error
    }
    run.open()
    this.#runs.set(id, run)
    return run
  }

  async #load ({ order, replica }: LocalRun, maxBytes: number, keepFor: number): Promise<void> {
    const loaded = order.start(replica, { maxEvents: Infinity, maxBytes, keepFor: keepFor + KEPT_LONGER })
    await within(LOADING_TIMEOUT, loaded, () => new BrokerUnavailable(this.#parts.broker.kind, `a run was not loaded within ${LOADING_TIMEOUT} ms`, false, undefined))
  }

  #forget (run: LocalRun): void {
    if (this.#runs.get(run.id) !== run) return
    this.#runs.delete(run.id)
    this.#close(run)
  }

  #close ({ id, order }: LocalRun): void {
    this.#closing.set(id, order.close(0).finally(() => this.#closing.delete(id)))
  }
}

/** True if a time was so long ago. @param time Milliseconds since 1970; undefined: it is still to come. */
function hasPassed (time: number | undefined, milliseconds: number): boolean {
  return time !== undefined && Date.now() - time >= milliseconds
}
