import { isAfter, type Position } from '../../../lib/broker/position.ts'
import type { Append, Appended, Arrival, Engine, Failed, OrderState, Question, Session, StoredEntry, Token, TokenRecord } from '../../../brokers/engine/engine.ts'

/** A position of an entry, and what is stored there. */
interface Stored {
  readonly position: Position
  readonly token: Token
  readonly entry: TokenRecord | undefined
}

interface StoredOrder {
  epoch: string
  head: number
  floor: number
  entries: Stored[]
}

/** A step of a session. `append`: before records are stored. `answer`: before the session tells that they are. */
export type Step = 'connect' | 'look' | 'begin' | 'next' | 'append' | 'answer'

/** The orders of an engine in memory, with the faults that real ones have. */
export class FakeEngine {
  readonly orders = new Map<string, StoredOrder>()
  readonly #sessions = new Set<FakeSession>()
  /** False: no session can be made. */
  isThere = true
  /** True: nothing is stored, and every append fails. */
  isFull = false
  /** True: what a session had sent when it was lost is stored later, perhaps after what the next session has sent. */
  storesLate = false
  /** Called before each step of a session; the test holds it there. */
  delay: (step: Step, broker: number) => Promise<void> = async () => {}
  failovers = 0
  /** The number of appends that sessions were asked for. */
  asked = 0
  /** True: a session gives everything that it has given again. */
  repeats = false
  /** The orders that brokers follow no longer. */
  readonly forgotten: string[] = []
  #brokers = 0

  /** An engine for one more broker. */
  forBroker (): Engine {
    const broker = this.#brokers++
    return {
      kind: 'fake',
      load: async () => {},
      connect: async () => {
        await this.delay('connect', broker)
        if (!this.isThere) throw new Error('the fake engine is away')
        const session = new FakeSession(this, broker)
        this.#sessions.add(session)
        return session
      },
      forget: (order) => { this.forgotten.push(order) }
    }
  }

  /** Cuts every session. */
  cut (): void {
    for (const session of this.#sessions) session.close()
    this.#sessions.clear()
  }

  /** Loses everything, as a flush does. */
  flush (): void {
    this.orders.clear()
  }

  /** Loses the newest entries and every session, as a failover to a replica that is behind does. */
  goBack (count: number): void {
    this.cut()
    // What was sent to the other server stays there.
    this.failovers++
    for (const order of this.orders.values()) {
      for (let left = count; left > 0 && order.entries.length > 1; left--) order.entries.pop()
      const { epoch, offset } = order.entries.at(-1)!.position
      order.epoch = epoch
      order.head = offset
      order.floor = Math.min(order.floor, offset)
    }
  }

  /** Forgets all but the newest entries of each order. */
  trim (keep: number): void {
    for (const order of this.orders.values()) {
      const dropped = order.entries.splice(0, Math.max(0, order.entries.length - keep))
      const last = dropped.findLast(({ position }) => position.epoch === order.epoch)
      if (last !== undefined) order.floor = Math.max(order.floor, last.position.offset)
    }
  }

  changed (): void {
    for (const session of this.#sessions) session.wake()
  }

  store ({ order: name, epoch, records }: Append): Appended {
    if (this.isFull) return { failed: new Error('the fake engine is full') }
    const order = this.orders.get(name)
    if (order === undefined || order.epoch !== epoch) return { refused: true }
    for (const entry of records) {
      if (!entry.record.ephemeral) order.head++
      order.entries.push({ position: { epoch, offset: order.head }, token: entry.token, entry })
    }
    this.changed()
    return { last: { epoch, offset: order.head } }
  }
}

class FakeSession implements Session {
  readonly #engine: FakeEngine
  readonly #broker: number
  /** By order: the entries that were given, and the ephemeral ones from before the order was followed. */
  readonly #followed = new Map<string, { readonly after: Position, readonly given: Set<Stored> }>()
  readonly #failovers: number
  #isClosed = false
  #wake: () => void = () => {}
  /** Appends are stored in their order. */
  #appending: Promise<unknown> = Promise.resolve()

  constructor (engine: FakeEngine, broker: number) {
    this.#engine = engine
    this.#broker = broker
    this.#failovers = engine.failovers
  }

  async look (questions: readonly Question[]): Promise<Array<OrderState | undefined>> {
    await this.#step('look')
    const states = questions.map(({ order: name, at }) => {
      const order = this.#engine.orders.get(name)
      if (order === undefined) return undefined
      const head = { epoch: order.epoch, offset: order.head }
      const wanted = at ?? head
      const kept = order.entries.filter(({ entry }) => entry?.record.ephemeral !== true)
      const found = kept.findLast(({ position }) => position.epoch === wanted.epoch && position.offset === wanted.offset)
      return { head, floor: order.floor, token: found?.token }
    })
    await this.#step('look')
    return states
  }

  async begin (name: string, after: string | undefined, epoch: string, token: Token): Promise<Failed | undefined> {
    await this.#step('begin')
    if (this.#engine.isFull) return { failed: new Error('the fake engine is full') }
    const order = this.#engine.orders.get(name)
    if (order?.epoch !== after) return undefined
    const begun = order ?? { epoch, head: 0, floor: 0, entries: [] }
    begun.epoch = epoch
    begun.head = begun.floor = 0
    begun.entries.push({ position: { epoch, offset: 0 }, token, entry: undefined })
    this.#engine.orders.set(name, begun)
    this.#engine.changed()
    return undefined
  }

  follow (name: string, after: Position): void {
    if (this.#followed.has(name)) return
    const earlier = this.#engine.orders.get(name)!.entries.filter(({ position, entry }) => entry?.record.ephemeral === true || !isAfter(position, after))
    this.#followed.set(name, { after, given: new Set(earlier) })
  }

  unfollow (name: string): void {
    this.#followed.delete(name)
  }

  async next (): Promise<Arrival[]> {
    await this.#step('next')
    const arrivals = this.#arrivals()
    if (arrivals.length > 0) return arrivals
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      setTimeout(resolve, 20)
    })
    await this.#step('next')
    return this.#arrivals()
  }

  wake (): void {
    this.#wake()
  }

  append (appends: readonly Append[]): Promise<Appended[]> {
    this.#engine.asked++
    const appended = this.#appending.then(async () => {
      await this.#engine.delay('append', this.#broker)
      if (this.#isClosed && (!this.#engine.storesLate || this.#failovers < this.#engine.failovers)) throw new Error('the fake session is closed')
      const results = appends.map((append) => this.#engine.store(append))
      await this.#step('answer')
      return results
    })
    this.#appending = appended.catch(() => {})
    return appended
  }

  close (): void {
    this.#isClosed = true
    this.#wake()
  }

  async #step (step: Step): Promise<void> {
    await this.#engine.delay(step, this.#broker)
    if (this.#isClosed) throw new Error('the fake session is closed')
  }

  #arrivals (): Arrival[] {
    const arrivals: Arrival[] = []
    for (const [name, { given }] of this.#followed) {
      const found = (this.#engine.orders.get(name)?.entries ?? []).filter((entry) => !given.has(entry))
      for (const entry of found) given.add(entry)
      if (found.length === 0) continue
      const entries = found.map(toEntry)
      arrivals.push({ order: name, entries })
      if (this.#engine.repeats) arrivals.push({ order: name, entries: [...given].map(toEntry) })
    }
    return arrivals
  }
}

function toEntry ({ position, token, entry }: Stored): StoredEntry {
  return { position, token, record: entry?.record }
}
