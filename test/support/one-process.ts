import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Runs all tests of a folder in this process: a process takes longer to start than most of these files take to run. */
export async function importTests (folder: string): Promise<void> {
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.test.ts'))) await import(pathToFileURL(join(folder, name)).href)
}
