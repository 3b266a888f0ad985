import { dirname } from 'node:path'
import { cycleIn, foldersOf, type ImportGraph } from './import-graph.ts'

/** The folders that each folder may import. */
export type Arrows = Readonly<Record<string, readonly string[]>>

export interface Rules {
  readonly mayImport: Arrows
  readonly maxLines: number
}

// Names that say nothing about what a file is for, so that anything may end up in it.
const EMPTY_NAMES = /\/(?:[\w-]+-)?(?:utils?|helpers?|misc|common)\.|\/types\./

/**
 * Checks the layout of a part of the repository.
 *
 * @param lines The number of lines of each file.
 * @returns One sentence for each broken rule.
 */
export function brokenRules (graph: ImportGraph, lines: ReadonlyMap<string, number>, { mayImport, maxLines }: Rules): string[] {
  const broken: string[] = []
  for (const [file, imported] of graph) {
    const folder = dirname(file)
    if (!(folder in mayImport)) broken.push(`${file} is in a folder that has no arrows`)
    for (const target of imported) {
      const other = dirname(target)
      if (graph.has(target) && other !== folder && !mayImport[folder]?.includes(other)) broken.push(`${file} may not import ${target}`)
    }
    if (EMPTY_NAMES.test(file)) broken.push(`${file} has a name that says nothing`)
    const count = lines.get(file) ?? 0
    if (count > maxLines) broken.push(`${file} has ${count} lines, more than ${maxLines}`)
  }
  const files = cycleIn(graph)
  if (files !== undefined) broken.push(`files import each other: ${files.join(' → ')}`)
  const folders = cycleIn(foldersOf(graph))
  if (folders !== undefined) broken.push(`folders import each other: ${folders.join(' → ')}`)
  return broken
}
