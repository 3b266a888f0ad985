import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { ts } from './compiler.ts'

/** Imports by file: the paths of the files that each one imports, relative to the root and with "/" in them. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/** The source files below a folder. */
export function filesIn (root: string, folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => posix.join(folder, name.replaceAll('\\', '/')))
  return names.filter((name) => /\.(ts|js)$/.test(name)).sort()
}

/** Reads the imports of some files, those of types included. Packages are left out. */
export function readImports (root: string, files: readonly string[]): ImportGraph {
  return new Map(files.map((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true)
    const relative = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'))
    return [file, [...new Set(relative.map((name) => posix.join(dirname(file), name)))].sort()]
  }))
}

/** The graph of the folders: each with the other folders that its files import. Files that are not in the graph do not count. */
export function foldersOf (graph: ImportGraph): ImportGraph {
  const folders = new Map<string, Set<string>>()
  for (const [file, imported] of graph) {
    const from = dirname(file)
    const targets = folders.get(from) ?? new Set()
    folders.set(from, targets)
    for (const target of imported) if (graph.has(target) && dirname(target) !== from) targets.add(dirname(target))
  }
  return new Map([...folders].sort().map(([folder, targets]) => [folder, [...targets].sort()]))
}

/** One cycle of a graph as the list of its members, the first also last; undefined if there is none. */
export function cycleIn (graph: ImportGraph): string[] | undefined {
  const done = new Set<string>()
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node]
    if (done.has(node)) return undefined
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node])
      if (cycle !== undefined) return cycle
    }
    done.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const cycle = visit(node, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}

/** The level of each node: 0 imports nothing, and every other node stands one above the highest that it imports. The graph has no cycle. */
export function levelsOf (graph: ImportGraph): ReadonlyMap<string, number> {
  const levels = new Map<string, number>()
  const levelOf = (node: string): number => {
    const known = levels.get(node)
    if (known !== undefined) return known
    const level = Math.max(-1, ...(graph.get(node) ?? []).map(levelOf)) + 1
    levels.set(node, level)
    return level
  }
  for (const node of graph.keys()) levelOf(node)
  return levels
}

/** The graph without each import that a longer way implies: the fewest arrows that show who stands on whom. */
export function withoutShortcuts (graph: ImportGraph): ImportGraph {
  const reaches = (from: string, to: string): boolean => (graph.get(from) ?? []).some((next) => next === to || reaches(next, to))
  const needed = (imported: readonly string[]): string[] =>
    imported.filter((target) => !imported.some((other) => other !== target && reaches(other, target)))
  return new Map([...graph].map(([node, imported]) => [node, needed(imported)]))
}
