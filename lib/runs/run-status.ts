/**
 * The status of a run.
 *
 * - `running`: its source goes on
 * - `done`: its source came to its end
 * - `stopped`: it was stopped by a call, because nobody read it, or because its application closed
 * - `failed`: its source threw, or an item could not be stored
 * - `lost`: its process died, or the broker lost its items
 *
 * @see docs/runs.md
 */
export type RunStatus = 'running' | RunEnd

/** The status of a run that has ended. */
export type RunEnd = 'done' | 'stopped' | 'failed' | 'lost'

const ENDS: readonly unknown[] = ['done', 'stopped', 'failed', 'lost'] satisfies RunEnd[]

export function isRunEnd (value: unknown): value is RunEnd {
  return ENDS.includes(value)
}
