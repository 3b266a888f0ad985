import { basename, dirname } from 'node:path'
import { IN, OUT, type Step } from './flows.ts'
import { filesIn, foldersOf, levelsOf, readImports, withoutShortcuts, type ImportGraph } from './import-graph.ts'

// Draws docs/architecture.svg: the folders of lib with the imports between them, and the two flows.

const BOX = { width: 108, height: 30, across: 128, down: 62 }
const STEP = { width: 196, height: 30, down: 44 }
const TOP = 60
const COLOURS = ['#e8eef7', '#e7f3ec', '#fbf0df', '#f7e8ea', '#efe9f6', '#e6f3f4', '#f5f1e4', '#eceff1']

interface Point {
  readonly x: number
  readonly y: number
}

/** The picture as it should be, for the imports as they are. @throws Error when a step of a flow has no way to the next. */
export function drawHouse (root: string): string {
  const graph = readImports(root, ['plugin.ts', ...filesIn(root, 'lib')])
  const folders = new Map([...foldersOf(graph)].filter(([folder]) => folder !== '.'))
  const { places, width, height } = placeFolders(folders)
  const flows = [{ title: 'Out: an event', steps: OUT }, { title: 'In: a request', steps: IN }]
  const flowAt = (at: number): number => width + 40 + at * (STEP.width + 40)
  const total = { width: flowAt(flows.length), height: Math.max(height, TOP + Math.max(OUT.length, IN.length) * STEP.down + 40) }
  const arrows = [...withoutShortcuts(folders)].flatMap(([from, targets]) => targets.map((to) => arrow(places.get(from)!, places.get(to)!)))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total.width} ${total.height}" font-family="system-ui, sans-serif" font-size="13">`,
    '<title>The folders of lib, the imports between them, and the two flows</title>',
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>',
    `<rect width="${total.width}" height="${total.height}" fill="#fff"/>`,
    heading(20, 'Folders: imports go down'),
    ...arrows,
    ...[...places].map(([folder, place]) => box(place, BOX, nameOf(folder), colourOf(folder, folders))),
    ...flows.flatMap(({ title, steps }, at) => drawFlow(graph, folders, flowAt(at), title, steps)),
    '</svg>', ''
  ].join('\n')
}

/** One row for each level, the top level first. */
function placeFolders (folders: ImportGraph): { places: Map<string, Point>, width: number, height: number } {
  const levels = levelsOf(folders)
  const rows: string[][] = []
  for (const [folder, level] of levels) (rows[level] ??= []).push(folder)
  rows.reverse()
  const width = Math.max(...rows.map((row) => row.length)) * BOX.across + 20
  const places = new Map<string, Point>()
  rows.forEach((row, down) => row.sort().forEach((folder, at) => {
    // Rows in turn lean left and right, so that arrows pass between the boxes.
    const lean = (down % 2 === 0 ? -1 : 1) * (row.length === 1 ? BOX.across / 2 : 0)
    places.set(folder, { x: width / 2 + (at - (row.length - 1) / 2) * BOX.across + lean, y: TOP + BOX.height / 2 + down * BOX.down })
  }))
  return { places, width, height: TOP + rows.length * BOX.down + 20 }
}

function drawFlow (graph: ImportGraph, folders: ImportGraph, left: number, title: string, steps: readonly Step[]): string[] {
  const at = (index: number): Point => ({ x: left + STEP.width / 2, y: TOP + STEP.height / 2 + index * STEP.down })
  const drawn = [heading(left, title)]
  steps.forEach(({ file, does }, index) => {
    const next = steps[index + 1]
    if (next !== undefined) {
      const way = wayTo(graph, next.file, steps.slice(0, index + 1).map((step) => step.file))
      drawn.push(`<line x1="${at(index).x}" y1="${at(index).y + STEP.height / 2}" x2="${at(index).x}" y2="${at(index + 1).y - STEP.height / 2}" ` +
        `stroke="#667" marker-end="url(#head)"${way === 'wired' ? ' stroke-dasharray="3 3"' : ''}/>`)
    }
    const folder = dirname(file)
    drawn.push(box(at(index), STEP, `${nameOf(folder)}/${basename(file, '.ts')}`, colourOf(folder, folders), does))
  })
  return drawn
}

/** How a step is reached: by an import between it and a step before, directly or through one file, or wired by plugin.ts. */
function wayTo (graph: ImportGraph, to: string, before: readonly string[]): 'imported' | 'wired' {
  const importsOf = (file: string): readonly string[] => {
    const imports = graph.get(file)
    if (imports === undefined) throw new Error(`${file}, a step of a flow, is not there`)
    return imports
  }
  const leads = (a: string, b: string): boolean => importsOf(a).some((file) => file === b || graph.get(file)?.includes(b))
  if (before.some((from) => leads(from, to) || leads(to, from))) return 'imported'
  const wired = importsOf('plugin.ts')
  const isWired = (file: string): boolean => wired.some((room) => room === file || importsOf(room).includes(file))
  if (isWired(to)) return 'wired'
  throw new Error(`nothing leads to ${to} from ${before.join(', ')}`)
}

function nameOf (folder: string): string {
  return folder === 'lib' ? 'lib' : folder.slice('lib/'.length)
}

function colourOf (folder: string, folders: ImportGraph): string {
  return COLOURS[levelsOf(folders).get(folder)! % COLOURS.length]!
}

function heading (x: number, text: string): string {
  return `<text x="${x}" y="30" font-weight="600">${text}</text>`
}

function box ({ x, y }: Point, { width, height }: { readonly width: number, readonly height: number }, text: string, fill: string, below?: string): string {
  const lines = below === undefined
    ? `<text x="${x}" y="${y + 4}" text-anchor="middle">${text}</text>`
    : `<text x="${x}" y="${y - 2}" text-anchor="middle" font-size="11.5" font-weight="600">${text}</text>` +
      `<text x="${x}" y="${y + 11}" text-anchor="middle" font-size="11" fill="#445">${below}</text>`
  return `<rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="6" fill="${fill}" stroke="#889"/>${lines}`
}

function arrow (from: Point, to: Point): string {
  const start = { x: from.x, y: from.y + BOX.height / 2 }
  const end = { x: to.x, y: to.y - BOX.height / 2 }
  const middle = (start.y + end.y) / 2
  return `<path d="M${start.x} ${start.y}C${start.x} ${middle} ${end.x} ${middle} ${end.x} ${end.y}" fill="none" stroke="#99a" marker-end="url(#head)"/>`
}
