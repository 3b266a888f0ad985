import { load, NAMES, type Name } from '../servers/index.ts'
import type { Row } from '../workload.ts'

interface Contestants {
  readonly rows: readonly Row[]
  /** A line for each that cannot run here. */
  readonly missing: readonly string[]
}

/** Those that can run here. Throws a TypeError for names that are none. */
export async function contestantsOf (names: readonly string[] = NAMES): Promise<Contestants> {
  const rows: Row[] = []
  const missing: string[] = []
  for (const name of names) {
    const contestant = await load(name)
    const line = contestant.missing?.()
    if (line !== undefined) missing.push(`${contestant.title}: ${line}`)
    else rows.push({ key: name, server: name as Name, title: contestant.title, can: contestant.can })
  }
  return { rows, missing }
}
