import type { Position } from './position.ts'

/** An encoded event on its way to its place in the order. */
export interface Publication {
  readonly channels: readonly string[]
  /** The event as it goes out, without its `id` line: that one names the place. */
  readonly body: string
}

/** Takes an event at its place. Called in order of position, never twice for one position, never before `start` has resolved. */
export type Place = (position: Position, publication: Publication) => void

/**
 * What places events in one order for all nodes.
 *
 * Calls of `publish` may overlap. All nodes see the same order, and each node sees it without holes; a single publisher's events
 * keep the order of its calls. A broker keeps nothing of a publication but its own record of it.
 */
export interface Broker {
  /**
   * Called once, before anything else.
   *
   * @returns The position after which `place` begins.
   */
  start (place: Place): Promise<Position>

  /**
   * Gives an event its place.
   *
   * @returns Its position, once `place` was called with it in this process.
   */
  publish (publication: Publication): Promise<Position>

  /** Called once; nothing is published afterwards, and `place` is no longer called. */
  close (): Promise<void>
}
