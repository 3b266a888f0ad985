import type { Test } from 'tap'

export type Claim = readonly [title: string, claim: (t: Test) => Promise<void>]

// More at once starve each other on a small machine.
const MOST = 6

/** Runs tests in parallel, since they mostly wait. */
export async function sideBySide (t: Test, claims: readonly Claim[]): Promise<void> {
  t.jobs = MOST
  await Promise.all(claims.map(([title, claim]) => t.test(title, { buffered: true }, claim)))
}
