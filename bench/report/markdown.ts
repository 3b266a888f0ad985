import type { Column } from './columns.ts'
import { ratioSpread, spread, type Line, type Results, type Table } from './results.ts'
import type { Spread } from './statistics.ts'

// The results as Markdown.

export function markdownOf (results: Results): string {
  const { machine, asked, rounds, missing, tables } = results
  return [
    '# Results of the bench',
    '',
    `${machine.began} to ${machine.ended}. ${machine.cpu}, ${machine.cores} cores, ${machine.memory} GB, ${machine.system}, Linux ${machine.kernel}, Node ${machine.node}.`,
    `Load average ${machine.loadBefore} at the beginning, ${machine.loadAfter} at the end (the bench itself included).`,
    machine.isPinned ? 'The server alone on one core, driver and readers on another.' : '**Not pinned to cores: server and readers disturbed one another.**',
    '',
    `Medians of ${rounds} interleaved rounds, lowest and highest in parentheses; ratios are medians of each round's.`,
    ...asked === '' ? [] : [`Only a part was run: \`${asked}\`. The rest was not measured this time.`],
    ...missing.map((line) => `- Not here: ${line}`),
    ...tables.flatMap((table) => ['', tableText(table)]),
    ''
  ].join('\n')
}

export function tableText (table: Table): string {
  const { key, title, statement, columns, reference } = table
  const heads = columns.flatMap((column) => column.ratio === true ? [column.title, `× ${reference}`] : [column.title])
  return [
    `## (${key}) ${title}`,
    '',
    `${statement}.`,
    '',
    `| server | ${heads.join(' | ')} | |`,
    `| --- |${' ---: |'.repeat(heads.length)} --- |`,
    ...table.lines.map((line) => `| ${line.title} | ${columns.flatMap((column) => cellsOf(table, line, column)).join(' | ')} | ${notesOf(line)} |`)
  ].join('\n')
}

function cellsOf (table: Table, line: Line, column: Column): string[] {
  const value = spreadText(spread(line, column.key), column.digits)
  if (column.ratio !== true) return [value]
  const ratio = ratioSpread(table, line, column.key)
  return [value, ratio === undefined ? '–' : numberText(ratio.median, 2)]
}

function spreadText (spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return '–'
  const [median, min, max] = [spread.median, spread.min, spread.max].map((value) => numberText(value, digits))
  return min === max ? median! : `${median} (${min}–${max})`
}

export function numberText (value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Lists each note once, with the number of its rounds if it is not from all rounds. */
function notesOf (line: Line): string {
  const rounds = new Map<string, number>()
  for (const note of line.outcomes.flatMap(({ notes }) => notes)) {
    const kind = note.replace(/\d+\.\d+ s after its start/, 'after its start')
    rounds.set(kind, (rounds.get(kind) ?? 0) + 1)
  }
  return [...rounds].map(([note, count]) => count === line.outcomes.length ? note : `${note} (${count} of ${line.outcomes.length} rounds)`).join('; ')
}
