import { numberText } from './markdown.ts'
import { spread, type Table } from './results.ts'
import type { Spread } from './statistics.ts'

const WIDTH = 760
const LABELS = 250
const VALUES = 90
const BAR = 18
const GAP = 10
const TOP = 64
const BOTTOM = 34
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .note { font-size: 11px; fill: #59636e }
  .bar { fill: #8c959f }
  .ours { fill: #0969da }
  .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .bar { fill: #656c76 }
    .ours { fill: #4493f8 }
    .range { stroke: #f0f6fc }
  }`

/** Draws a bar for each server, as long as its median, with a line from its lowest to its highest round. Undefined: the table has no plot. */
export function svgOf (table: Table, footnote: string): string | undefined {
  const { plot } = table
  if (plot === undefined) return undefined
  const digits = table.columns.find(({ key }) => key === plot.column)?.digits ?? 1
  const lines = table.lines.map((line) => ({ line, spread: spread(line, plot.column) }))
  const most = Math.max(...lines.map(({ spread }) => spread?.max ?? 0), Number.MIN_VALUE)
  const scale = (value: number): number => LABELS + (WIDTH - LABELS - VALUES) * Math.max(0, value) / most
  const height = TOP + lines.length * (BAR + GAP) + BOTTOM
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(plot.title)}">`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="0" y="20">(${table.key}) ${escape(plot.title)}</text>`,
    `<text class="note" x="0" y="40">${escape(table.statement)}</text>`,
    ...lines.map(({ line, spread }, index) => bar(line.key, line.title, spread, TOP + index * (BAR + GAP), scale, digits)),
    `<text class="note" x="0" y="${height - 10}">${escape(footnote)}</text>`,
    '</svg>',
    ''
  ].join('\n')
}

function bar (key: string, title: string, spread: Spread | undefined, y: number, scale: (value: number) => number, digits: number): string {
  const middle = y + BAR / 2
  const label = `<text x="${LABELS - 8}" y="${middle + 4.5}" text-anchor="end">${escape(title)}</text>`
  if (spread === undefined) return `${label}\n<text class="note" x="${LABELS}" y="${middle + 4.5}">no figure</text>`
  const [start, end, low, high] = [0, spread.median, spread.min, spread.max].map((value) => scale(value).toFixed(1))
  return [
    label,
    `<rect class="${key === 'typed-sse' ? 'bar ours' : 'bar'}" x="${start}" y="${y}" width="${(Number(end) - Number(start)).toFixed(1)}" height="${BAR}" rx="2"/>`,
    `<path class="range" d="M${low} ${middle}H${high}M${low} ${y + 4}V${y + BAR - 4}M${high} ${y + 4}V${y + BAR - 4}"/>`,
    `<text x="${Number(high) + 8}" y="${middle + 4.5}">${numberText(spread.median, digits)}</text>`
  ].join('\n')
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
