import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { markdownOf } from './markdown.ts'
import type { Results } from './results.ts'
import { svgOf } from './svg.ts'

const WHOLE = fileURLToPath(new URL('../../results', import.meta.url))
const PART = join(WHOLE, 'part')

/**
 * Writes the results. A whole run replaces all files of the previous run, so that a table never mixes two runs. A partial run writes its files
 * into a folder of its own, and leaves the files of the last whole run unchanged.
 *
 * @returns The folder of the files.
 */
export function writeResults (results: Results): string {
  const folder = results.asked === '' ? WHOLE : PART
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  writeFileSync(join(folder, 'results.md'), markdownOf(results))
  const { machine, rounds } = results
  const footnote = `Median, lowest and highest of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${machine.ended}. ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}.`
  for (const table of results.tables) {
    const svg = svgOf(table, footnote)
    if (svg !== undefined) writeFileSync(join(folder, `${table.key}.svg`), svg)
  }
  return folder
}
