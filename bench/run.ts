import { parseArgs } from 'node:util'
import { contestantsOf } from './driver/contestants.ts'
import { NO_CORES, takeCores } from './driver/cores.ts'
import { lookAtMachine } from './report/machine.ts'
import { numberText, tableText } from './report/markdown.ts'
import { runRounds, type OnCell } from './driver/rounds.ts'
import { writeResults } from './report/write.ts'
import { judge } from './smoke.ts'
import { workloadsOf } from './workloads/index.ts'

// The command line of the bench.

const ROUNDS = 5
/** The workloads that check, in a short time, that the parts of a cell count correctly. */
const SMOKE = 'a,c,f,h,i,j,k,m,n'
const SMOKE_AT_ONCE = 4

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string' },
    servers: { type: 'string' },
    smoke: { type: 'boolean', default: false }
  }
})
const isSmoke = values.smoke
const rounds = Number(values.rounds ?? (isSmoke ? 1 : ROUNDS))
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds is a whole number from 1 on, not "${values.rounds}"`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const keys = (values.only ?? (isSmoke ? SMOKE : undefined))?.split(',')
const all = workloadsOf({ isSmoke })
const unknown = keys?.filter((key) => all.every((workload) => workload.key !== key)) ?? []
if (unknown.length > 0) refuse(`there is no workload ${unknown.join(', ')}, but ${all.map(({ key }) => key).join(', ')}`)

const cores = isSmoke ? NO_CORES : takeCores()
const order = { rounds, atOnce: isSmoke ? SMOKE_AT_ONCE : 1, cores }
const machine = lookAtMachine(cores.server !== undefined)
const { rows, missing } = await contestantsOf(values.servers?.split(',')).catch((error: Error) => refuse(error.message))
for (const line of missing) console.log(`not here: ${line}`)

const progress: OnCell = (workload, row, round, { figures, notes }, seconds) => {
  const shown = workload.columns.filter(({ key }) => figures[key] !== undefined).map(({ key, digits }) => `${key} ${numberText(figures[key]!, digits)}`)
  console.log(`${workload.key} ${round}/${rounds} ${row.key}, ${seconds.toFixed(1)} s: ${[...shown, ...notes].join(', ')}`)
}

const tables = []
for (const workload of all) {
  if (keys !== undefined && !keys.includes(workload.key)) continue
  tables.push(await runRounds(workload, workload.rows(rows), order, progress))
}
console.log(`\n${tables.map(tableText).join('\n\n')}\n`)

const asked = [values.only === undefined ? '' : `--only ${values.only}`, values.servers === undefined ? '' : `--servers ${values.servers}`].filter(Boolean).join(' ')
if (isSmoke) {
  const faults = judge(tables, missing)
  for (const fault of faults) console.error(`wrong: ${fault}`)
  process.exitCode = faults.length > 0 ? 1 : 0
} else {
  const folder = writeResults({ machine: machine(), asked, rounds, missing, tables })
  console.log(`written to ${folder}`)
}

function refuse (line: string): never {
  console.error(line)
  process.exit(2)
}
