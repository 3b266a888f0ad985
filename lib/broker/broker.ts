import type { Position } from './position.ts'

// The contract of brokers, which place events in one order for all nodes.

/** An encoded event that has no position yet. */
export interface Publication {
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
}

/**
 * Takes an event from the broker. Calls come in the order of the broker, once per event, and never before `start` has resolved.
 *
 * @param position The position of the event; null for an ephemeral event.
 */
export type Place = (position: Position | null, publication: Publication) => void

/**
 * A broker places events in one order for all nodes.
 *
 * Calls of `publish` may overlap. All nodes see the same order, and each node sees it without holes. The events of one publisher keep the
 * order of its calls. A broker keeps no reference to a publication, only its own record of the event.
 */
export interface Broker {
  /**
   * Starts the broker. Called once, before any other method.
   *
   * @param place The function that takes every event from now on.
   * @returns The position after which `place` begins.
   */
  start (place: Place): Promise<Position>

  /**
   * Places an event in the order.
   *
   * @returns A promise of the position, null for an ephemeral event. It resolves after `place` was called with the event in this process.
   */
  publish (publication: Publication): Promise<Position | null>

  /** Stops the broker. Called once. Afterwards `publish` is not called any more, and the broker must not call `place`. */
  close (): Promise<void>
}
