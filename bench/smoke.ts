import type { Line, Table } from './report/results.ts'

// The verdict on a smoke run.

/** Servers that lose nothing, whatever the state of the machine. */
const FAULTLESS = ['floor', 'typed-sse']

/** Lists the faults in the counts of a smoke run, a line for each. Times are not judged. */
export function judge (tables: readonly Table[], missing: readonly string[]): string[] {
  return [
    ...process.env['REQUIRE_SYSTEM'] === '1' ? missing.map((line) => `missing: ${line}`) : [],
    ...tables.flatMap((table) => table.lines.flatMap((line) => faultsOf(line).map((fault) => `(${table.key}) ${line.key}: ${fault}`)))
  ]
}

function faultsOf (line: Line): string[] {
  const isFaultless = FAULTLESS.some((key) => line.key.startsWith(key))
  return line.outcomes.flatMap(({ figures, notes }) => {
    const { expected, delivered, lost = 0, doubles = 0, late = 0 } = figures
    const faults = [...notes]
    if (Object.keys(figures).length === 0) faults.push('nothing was measured')
    if (expected === 0) faults.push('nothing was published')
    if (doubles > 0) faults.push(`${doubles} events came twice`)
    if (isFaultless && lost + late > 0) faults.push(`${delivered} of ${expected} events came, ${lost} were passed over`)
    return faults
  })
}
