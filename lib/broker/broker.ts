import type { Position } from './position.ts'

/** An encoded event on its way to its place in the order. */
export interface Publication {
  /** Who may hear it. */
  readonly channels: readonly string[]
  /** The event as it goes out, without its `id` line: that one names the place. */
  readonly body: string
  /** Not kept: it reaches who is there, and has no position. */
  readonly ephemeral: boolean
  /** The event ID, where the application gives one; otherwise its position is. */
  readonly id: string | undefined
  /** A later event of the same channel with the same key replaces it for those who have not got it yet. */
  readonly key: string | undefined
}

/**
 * Takes an event at its place; the position is null for an ephemeral one. Called in the one order, never twice for one place, never
 * before `start` has resolved.
 */
export type Place = (position: Position | null, publication: Publication) => void

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
   * @returns Its position, null for an ephemeral one, once `place` was called with it in this process.
   */
  publish (publication: Publication): Promise<Position | null>

  /** Called once; nothing is published afterwards, and `place` is no longer called. */
  close (): Promise<void>
}
