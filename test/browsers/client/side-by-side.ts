import type { Test } from 'tap'

export type Claim = readonly [title: string, claim: (t: Test) => Promise<void>]

/** Runs tests in parallel, since they mostly wait. */
export async function sideBySide (t: Test, claims: readonly Claim[]): Promise<void> {
  t.jobs = claims.length
  await Promise.all(claims.map(([title, claim]) => t.test(title, { buffered: true }, claim)))
}
