import type { RunEnd } from './run-status.ts'

/**
 * The figures of the runs of one process.
 *
 * @see docs/runs.md
 */
export interface RunStats {
  /** The number of runs that this process holds now: those that it has started, until they are forgotten, and those of other nodes that are read here. */
  readonly known: number
  /** The number of those that go on. */
  readonly running: number
  /** The memory that their items take, in bytes. */
  readonly bytes: number
  /** The number of runs that this process has started. */
  readonly started: number
  /** The number of those that have ended, by status. */
  readonly ends: Readonly<Record<RunEnd, number>>
}
