import type { EventRecord } from '../../lib/broker/broker.ts'
import type { Position } from '../../lib/broker/position.ts'

// The interface between brokers and engines. The other files of this folder hold everything that engines have in common.

/** Identifies a record among all records of an order, however often it is sent: a publisher numbers its records upwards. */
export interface Token {
  /** A random name of one broker in one process. */
  readonly publisher: string
  readonly counter: number
}

/** A record that waits to be stored. */
export interface TokenRecord {
  readonly token: Token
  readonly record: EventRecord
}

/** An entry of an order, as an engine gives it. */
export interface StoredEntry {
  /** The position; for an ephemeral entry the position of the newest kept entry before it. Offsets of kept entries are dense within an epoch. */
  readonly position: Position
  /** Undefined if the entry is not a record of this plugin. */
  readonly token: Token | undefined
  /** Undefined for the entry that begins an epoch, and if the entry is not a record of this plugin. */
  readonly record: EventRecord | undefined
  /** The reason why an entry that begins no epoch has no record. */
  readonly problem?: string
  /** True if ephemeral entries before this one, which is ephemeral too, were forgotten before they were read. */
  readonly isAfterLoss?: boolean
}

/** The entries of one order that have arrived, in the order of the engine. */
export interface Arrival {
  readonly order: string
  readonly entries: readonly StoredEntry[]
}

/** The state of an order in the engine. */
export interface OrderState {
  /** The position of the newest kept entry. The entry that begins an epoch has the offset 0. */
  readonly head: Position
  /** The offset before the oldest kept entry of this epoch. */
  readonly floor: number
  /** The token of the entry that was asked about; undefined if the engine has no such entry. */
  readonly token: Token | undefined
  /** The engine's own mark of the newest ephemeral entry, which `follow` gets; undefined if it needs none. */
  readonly mark?: unknown
}

/** A question for the state of an order. */
export interface Question {
  readonly order: string
  /** The position whose token is wanted; undefined: the head. */
  readonly at: Position | undefined
  /** The time in milliseconds for which the engine keeps the order from now on; Infinity: its expiry does not change. */
  readonly keepFor: number
}

// Orders are looked at every second, and later on a busy machine.
const SHORT = 20_000

/** The time in milliseconds that must be left before an order is forgotten. If less is left, a look puts that off. */
export function leastLeft (keepFor: number): number {
  return keepFor < SHORT ? keepFor : Math.ceil(keepFor / 2)
}

/** The engine does not store anything now, and may do so later. */
export interface Failed {
  readonly failed: unknown
}

/** Records of one order that are stored together: all of them, or none. They are all kept, or all ephemeral. */
export interface Append {
  readonly order: string
  /** Nothing is stored if the order has another epoch. */
  readonly epoch: string
  readonly records: readonly TokenRecord[]
  /** The offset before which kept entries may be forgotten. */
  readonly forgetBefore: number
  /** The time in milliseconds after which the order may be forgotten if nothing is appended; Infinity: never. */
  readonly keepFor: number
}

/** The result of an append: the position of its last record, or the reason why nothing was stored. */
export type Appended =
  | { readonly last: Position }
  /** The order is gone, or has another epoch. */
  | { readonly refused: true }
  | Failed

/**
 * A connection to an engine, until it is lost. Afterwards every call rejects, and another session takes its place. Calls may overlap, and those of
 * one method take effect in their order.
 */
export interface Session {
  /** Reads the states of orders. @returns One state for each question, undefined if the order does not exist. */
  look (questions: readonly Question[]): Promise<ReadonlyArray<OrderState | undefined>>

  /**
   * Begins an epoch, unless another node has begun one meanwhile.
   *
   * @param after The epoch that the order has now; undefined: the order does not exist.
   * @param token The token of the entry that begins the epoch.
   * @param keepFor The time in milliseconds after which the order may be forgotten; Infinity: never.
   * @returns A promise of the reason why the engine does not store anything now; undefined if there is none.
   */
  begin (order: string, after: string | undefined, epoch: string, token: Token, keepFor: number): Promise<Failed | undefined>

  /**
   * Follows an order from now on. Called again for an order that is followed already, after each look at it.
   *
   * @param after The position after which entries arrive. One that is followed already is at this position.
   * @param state The state that was looked at. No entry has arrived since.
   */
  follow (order: string, after: Position, state: OrderState): void

  /** Follows an order no longer. */
  unfollow (order: string): void

  /**
   * Waits for entries of the orders that are followed.
   *
   * @returns The entries; none if `wake` was called, or nothing has arrived for about a second.
   */
  next (): Promise<readonly Arrival[]>

  /** Ends the wait of `next`. */
  wake (): void

  /** Stores records. */
  append (appends: readonly Append[]): Promise<readonly Appended[]>

  /** Ends the session. Calls under way may stay unanswered in the engine, and reject. */
  close (): void
}

/** An engine, which keeps orders for all nodes. */
export interface Engine {
  /** The name of the kind, such as `redis`. */
  readonly kind: string
  /** Loads the driver. @throws FST_SSE_DRIVER_MISSING, or another error that will not go away. */
  load (): Promise<void>
  /**
   * Connects.
   *
   * @param signal Ends the attempt when the broker closes.
   * @throws any error when the engine does not answer in time.
   */
  connect (signal: AbortSignal): Promise<Session>
  /** Forgets what the engine remembers of an order from one session to the next, because this process follows it no longer. */
  forget (order: string): void
}
