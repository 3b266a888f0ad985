import type { Position } from './position.ts'

// The contract of brokers. docs/broker-contract.md explains it to those who write one.

/** An encoded event, as a broker stores it. A broker changes nothing in it. */
export interface EventRecord {
  /** The channels whose subscribers hear the event. */
  readonly channels: readonly string[]
  /** The event in its wire form, without the `id` line, which depends on the position. */
  readonly body: string
  /** True: the event is not kept and gets no position. It reaches only subscribers that are connected. */
  readonly ephemeral: boolean
  /** The first part of the event ID, as given by the application; undefined: the event ID is the position alone. */
  readonly id: string | undefined
  /** The key of `latestBy`: a later event of the same channel and key replaces this one for readers that have not received it; undefined: no key. */
  readonly key: string | undefined
  /** The time of the broadcast, in milliseconds since 1970 by the wall clock of its node. */
  readonly time: number
}

/** A record and its place. */
export interface Placed {
  /** The position of the event; null for an ephemeral event. */
  readonly position: Position | null
  readonly record: EventRecord
}

/**
 * The replica of one order in this process, which the broker feeds. The broker makes one call at a time: it waits for the promise of `place`
 * before it makes the next call.
 */
export interface OrderListener {
  /**
   * Takes records, each once, in the order of the broker, before it returns.
   *
   * @param batch Records whose bodies take at most about a fourth of `maxBytes`: more could evict records that no subscriber has received.
   * @returns A promise that resolves when healthy subscribers have received the records; undefined if there is nothing to wait for.
   */
  place (batch: readonly Placed[]): Promise<void> | undefined

  /**
   * Takes note that records between the last placed one and the next were lost to this process. Every subscriber gets `sse.gap` (`evicted`).
   *
   * @param upTo The position of the newest kept record that may be lost; null: only ephemeral records were lost.
   */
  lose (upTo: Position | null): void

  /**
   * Begins the history: at the start, and whenever the broker has lost its history or gone back in it. Every subscriber gets `sse.gap`
   * (`foreign`).
   *
   * @param origin The position before the next kept record. Its epoch is greater than that of every earlier call.
   */
  reset (origin: Position): void

  /**
   * The position of the oldest record that this process keeps. The broker may forget records before it, but should keep as many again for nodes
   * that are behind.
   */
  readonly oldest: Position
}

/** The records that a broker should keep of an order, and give to a process that starts. They may change, so a broker reads them where it needs them. */
export interface OrderBounds {
  readonly maxEvents: number
  /** The total size of the records in bytes. */
  readonly maxBytes: number
  /** The least time in milliseconds until the broker forgets an order that gets no records and that no node follows; Infinity: it never does. */
  readonly keepFor: number
}

/**
 * One order of records, as this process sees it.
 *
 * All nodes see one order, without missing or duplicate records, unless the broker calls `lose` or `reset`. Offsets may skip numbers.
 */
export interface Order {
  /**
   * Begins to follow the order. Called once.
   *
   * @returns A promise that resolves once the listener has everything within the bounds that was placed before the call. While the engine is
   * away, the promise is pending.
   * @throws FST_SSE_BROKER_UNAVAILABLE when the order is closed before that.
   */
  start (listener: OrderListener, bounds: OrderBounds): Promise<void>

  /**
   * Places a record. Calls may overlap; the records of one node keep the order of its calls. While the engine is away, records wait, within the
   * bounds that the broker states.
   *
   * @returns A promise of the position, null for an ephemeral event. It resolves after the listener of this process has taken the record, or `lose`
   * was called for it.
   * @throws FST_SSE_BROKER_UNAVAILABLE when the record waited too long, or found no room. `error.stored` is false if the record is certainly not
   * stored and never will be, and undefined if that is unknown.
   */
  publish (record: EventRecord): Promise<Position | null>

  /**
   * Asks for the newest position that any node has given. Absent if only this process places records: then no reader has an event ID that
   * is ahead of the listener.
   *
   * Called before `start` as well.
   *
   * @returns A promise of the position, within a few seconds; of undefined if the order does not exist, because no node has started or published to it,
   * or it was forgotten.
   * @throws any error when the engine does not answer.
   */
  head? (): Promise<Position | undefined>

  /**
   * Stops following. Called once. Afterwards the listener gets no more calls, and `publish` rejects.
   *
   * @param timeout The longest time in milliseconds to wait for records under way. Those that are left are rejected.
   * @returns A promise that resolves when every promise of `publish` is settled.
   */
  close (timeout: number): Promise<void>
}

/** The state of a broker in this process. */
export interface BrokerHealth {
  /** True while the engine answers and this process follows it. */
  readonly up: boolean
  /** The time in milliseconds since the engine was last heard; 0 for the in-memory broker. */
  readonly delay: number
  /** The number of times that the connection to the engine was made again. */
  readonly reconnects: number
  /** The number of records that were skipped, because they are not of this plugin or are damaged. */
  readonly skipped: number
  /** The number of records of this process that wait for their place. */
  readonly waiting: number
}

/** The reports of a broker, for the log of the application. */
export interface BrokerReports {
  /** The engine does not answer. Called once until `up` is called. */
  down (cause: unknown): void
  /** The engine answers again. */
  up (): void
  /** A record that is not of this plugin, or is damaged, was skipped. Called for the first one of each order. */
  skipped (order: string, problem: string): void
}

/** A broker serves orders by name. It needs no connection and no timer for each of them. */
export interface Broker {
  /** The name of the kind, such as `redis`. */
  readonly kind: string

  /**
   * Begins to connect. Called once, after `order` and before the orders are started.
   *
   * @returns A promise that resolves without waiting for the engine.
   * @throws FST_SSE_DRIVER_MISSING, or any other error that will not go away, such as a wrong option.
   */
  start (reports: BrokerReports): Promise<void>

  /**
   * Gives access to an order, which exists once a node has started or published to it.
   *
   * @param name 1 to 256 printable ASCII characters. At one time a process uses only one object for each name.
   */
  order (name: string): Order

  /** The state at the call. */
  health (): BrokerHealth

  /** Disconnects. Called once, after every order was closed. */
  close (): Promise<void>
}
