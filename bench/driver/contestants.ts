import { load, NAMES, type Name } from '../servers/index.ts'
import type { Row } from './workload.ts'

interface Contestants {
  readonly rows: readonly Row[]
  /** A line for each server that cannot run here. */
  readonly missing: readonly string[]
}

/** Loads the named servers and keeps those that can run here. @throws {TypeError} When a name is unknown. */
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
