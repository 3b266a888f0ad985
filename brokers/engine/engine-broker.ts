import { randomInt } from 'node:crypto'
import type { Broker, BrokerHealth, BrokerReports, Order } from '../../lib/broker/broker.ts'
import { now } from '../../lib/time/clock.ts'
import { clearInterval, pause, setImmediate, setInterval } from '../../lib/time/timers.ts'
import type { Append, Engine, Session, Token } from './engine.ts'
import { EngineOrder, type OrderOwner } from './engine-order.ts'
import { WaitingTotal, type WaitingBounds } from './waiting-records.ts'

/** The intervals of a broker, in milliseconds. */
export interface Intervals {
  /** The engine may lose its history while this process hears nothing, so every order is looked at after this time. */
  readonly look: number
  /** Records that have waited too long are rejected, and records that the engine did not take are sent again. */
  readonly tick: number
  /** The longest time until the next attempt to connect. */
  readonly maxBackoff: number
}

const INTERVALS: Intervals = { look: 1000, tick: 250, maxBackoff: 2000 }

// The number of orders that one question to the engine is about.
const ORDERS_PER_LOOK = 200

/** Follows the orders of an engine over one session after another, and publishes to them. */
export class EngineBroker implements Broker, OrderOwner {
  readonly #engine: Engine
  readonly #intervals: Intervals
  readonly waiting: WaitingTotal
  readonly publisher = Array.from({ length: 8 }, () => randomInt(36).toString(36)).join('')
  #counter = 0
  readonly #orders = new Map<string, EngineOrder>()
  /** The orders to look at before anything else arrives. */
  readonly #doubtful = new Set<EngineOrder>()
  readonly #toFlush = new Set<EngineOrder>()
  /** The orders with a write that the engine did not take: records, or the beginning of an epoch. */
  readonly #failed = new Map<EngineOrder, 'records' | 'epoch'>()
  readonly #skippedOrders = new Set<string>()
  #reports!: BrokerReports
  session: Session | undefined
  #isUp = false
  #isReported = false
  readonly #closing = new AbortController()
  #sessions = 0
  #skipped = 0
  #heard = now()
  #running: Promise<void> = Promise.resolve()
  #ticks: NodeJS.Timeout | undefined

  constructor (engine: Engine, bounds: WaitingBounds, intervals = INTERVALS) {
    this.#engine = engine
    this.#intervals = intervals
    this.waiting = new WaitingTotal(engine.kind, bounds)
  }

  get kind (): string { return this.#engine.kind }

  async start (reports: BrokerReports): Promise<void> {
    this.#reports = reports
    await this.#engine.load()
    this.#ticks = setInterval(() => this.#tick(), this.#intervals.tick).unref()
    this.#running = this.#run()
  }

  order (name: string): Order {
    const order = new EngineOrder(name, this)
    this.#orders.set(name, order)
    return order
  }

  health (): BrokerHealth {
    return {
      up: this.#isUp,
      delay: now() - this.#heard,
      reconnects: Math.max(0, this.#sessions - 1),
      skipped: this.#skipped,
      waiting: this.waiting.count
    }
  }

  async close (): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#ticks)
    this.session?.close()
    await this.#running
  }

  nextToken (): Token {
    return { publisher: this.publisher, counter: ++this.#counter }
  }

  flush (order: EngineOrder): void {
    // What one turn of the event loop publishes is stored together.
    if (this.#toFlush.size === 0) setImmediate(() => this.#send())
    this.#toFlush.add(order)
  }

  doubtful (order: EngineOrder): void {
    order.doubt()
    this.#doubtful.add(order)
    this.session?.wake()
  }

  closed (order: EngineOrder): void {
    this.#doubtful.delete(order)
    this.#failed.delete(order)
    // Another order may have this name now.
    if (this.#orders.get(order.name) !== order) return
    this.#orders.delete(order.name)
    this.#skippedOrders.delete(order.name)
    this.session?.unfollow(order.name)
    this.#engine.forget(order.name)
  }

  skipped (order: string, problem: string): void {
    this.#skipped++
    if (this.#skippedOrders.has(order)) return
    this.#skippedOrders.add(order)
    this.#reports.skipped(order, problem)
  }

  async #run (): Promise<void> {
    const { tick, maxBackoff } = this.#intervals
    for (let failures = 0; !this.#isClosed; failures++) {
      try {
        await this.#serve(await this.#engine.connect(this.#closing.signal), () => { failures = -1 })
      } catch (cause) {
        if (!this.#isClosed) this.#down(cause)
      }
      this.#disconnected()
      if (!this.#isClosed) await this.#pause(Math.min(maxBackoff, tick * 2 ** failures) * (0.5 + Math.random() / 2))
    }
  }

  /** Follows the orders until the session is lost. */
  async #serve (session: Session, connected: () => void): Promise<void> {
    if (this.#isClosed) return session.close()
    this.session = session
    this.#sessions++
    for (;;) {
      await this.#look(session, [...this.#orders.values()].filter(({ isStarted }) => isStarted))
      connected()
      for (let until = now() + this.#intervals.look, isQuiet = false; now() < until && !isQuiet;) {
        const arrivals = await session.next()
        if (this.#isClosed) return
        this.#heard = now()
        for (const { order, entries } of arrivals) await this.#orders.get(order)?.receive(entries)
        if (this.#doubtful.size > 0) await this.#look(session, [...this.#doubtful])
        else isQuiet = arrivals.length === 0
      }
    }
  }

  /** Compares the places of orders with the engine. Nothing arrives meanwhile, so the places do not change. */
  async #look (session: Session, orders: EngineOrder[]): Promise<void> {
    while (orders.length > 0) {
      const some = orders.splice(0, ORDERS_PER_LOOK)
      for (const order of some) this.#doubtful.delete(order)
      const states = await session.look(some.map(({ question }) => question))
      this.#heard = now()
      this.#up()
      const judged = await Promise.all(some.map((order, at) => this.#orders.get(order.name) === order ? order.judge(session, states[at]) : undefined))
      for (const [at, order] of some.entries()) this.#judged(order, judged[at], orders)
    }
    this.#up()
  }

  #judged (order: EngineOrder, judgement: Awaited<ReturnType<EngineOrder['judge']>> | undefined, again: EngineOrder[]): void {
    // It may have been closed meanwhile.
    if (this.#orders.get(order.name) !== order) return
    if (judgement === 'begun') again.push(order)
    if (typeof judgement === 'object') this.#fail(order, 'epoch', judgement.failed)
    else if (this.#failed.get(order) === 'epoch') this.#recovered(order)
  }

  #send (): void {
    const orders = [...this.#toFlush]
    this.#toFlush.clear()
    const { session } = this
    if (session === undefined) return
    const batches: Array<{ order: EngineOrder, append: Append, unknown: ReturnType<EngineOrder['sending']> }> = []
    for (const order of orders) {
      for (let append = order.take(); append !== undefined; append = order.take()) batches.push({ order, append, unknown: order.sending(append) })
    }
    if (batches.length === 0) return
    session.append(batches.map(({ append }) => append)).then((results) => {
      if (this.session !== session) return
      this.#heard = now()
      for (const [at, { order, append, unknown }] of batches.entries()) {
        const result = results[at]!
        order.appended(append, result, unknown)
        if ('failed' in result) this.#fail(order, 'records', result.failed)
        else if (this.#failed.get(order) === 'records') this.#recovered(order)
      }
    }, () => {
      // Nothing is known of the records: the next session begins with what the engine has.
      session.close()
    })
  }

  /** The engine is there, and does not store what this process wants to store. */
  #fail (order: EngineOrder, what: 'records' | 'epoch', cause: unknown): void {
    this.#failed.set(order, what)
    this.#down(cause)
  }

  #recovered (order: EngineOrder): void {
    this.#failed.delete(order)
    // Other records may have failed before.
    order.retry()
  }

  #tick (): void {
    for (const order of this.#orders.values()) order.expire()
    if (this.session === undefined) return
    // An epoch is begun by the next look.
    for (const [order, what] of this.#failed) if (what === 'records' && !order.retry()) this.#failed.delete(order)
  }

  #up (): void {
    if (this.#failed.size > 0) return
    this.#isUp = true
    this.waiting.cause = undefined
    if (this.#isReported) this.#reports.up()
    this.#isReported = false
  }

  #down (cause: unknown): void {
    this.#isUp = false
    this.waiting.cause = cause
    if (!this.#isReported) this.#reports.down(cause)
    this.#isReported = true
  }

  #disconnected (): void {
    const { session } = this
    this.session = undefined
    session?.close()
    this.#isUp = false
    this.#failed.clear()
    for (const order of this.#orders.values()) order.disconnected()
  }

  get #isClosed (): boolean { return this.#closing.signal.aborted }

  async #pause (milliseconds: number): Promise<void> {
    const { signal } = this.#closing
    // Rejects when the broker closes.
    await pause(milliseconds, undefined, { signal }).catch(() => {})
  }
}
