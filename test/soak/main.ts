import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import type { Visits } from '../flows/visitors.ts'
import type { AskedOfReaders, ToldByReaders } from './readers.ts'
import type { AskedOfServer, ToldByServer } from './server.ts'
import { TYPESCRIPT } from '../support/child.ts'
import { growthOf, type Watched } from './trend.ts'
import { FAULTS, type Heard, type Sample } from './told.ts'

// `npm run soak`: runs a server and readers of all kinds for a while, prints their state, and fails if something grew or was lost.

const HELP = `npm run soak -- [--minutes 10] [--interval SECONDS] [--seed N] [--fault ${FAULTS.join('|')} ...]

Prints a line per interval. Exits with 1 if memory, handles or the like grew by more than is tolerated within the second half,
if a reader lost an event without a gap or got one twice, or if something is left after all readers have left.
A fault makes the server misbehave in a way that the soak has to find.`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    interval: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    fault: { type: 'string', multiple: true, default: [] as string[] },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) {
  console.log(HELP)
  process.exit()
}
const minutes = Number(values.minutes)
const samplesWanted = Math.max(10, Math.min(60, minutes * 12))
const interval = values.interval === undefined ? minutes * 60_000 / samplesWanted : Number(values.interval) * 1000
if (!(minutes > 0 && interval > 0 && values.fault.every((fault) => FAULTS.some((name) => name === fault)))) {
  console.error(HELP)
  process.exit(2)
}

const LEAVING_LIMIT = 10_000
const VISITS = 100
const AT_A_TIME = 10
// Less than a tenth of a processor.
const VISITS_PER_SECOND = 50

const children: ChildProcess[] = []
process.once('exit', () => { for (const child of children) child.kill('SIGKILL') })

function start (file: string, ...args: string[]): ChildProcess {
  const child = fork(new URL(file, import.meta.url), args, { execArgv: TYPESCRIPT.execArgv })
  child.once('exit', (code, signal) => {
    if (isOver) return
    console.error(`${file} has ended: ${code ?? signal}`)
    process.exit(1)
  })
  children.push(child)
  return child
}

async function told<T extends { what: string }, W extends T['what']> (child: ChildProcess, what: W, asked?: object | string): Promise<T & { what: W }> {
  if (asked !== undefined) child.send(asked)
  for (;;) {
    const [message] = await once(child, 'message') as [T]
    if (message.what === what) return message as T & { what: W }
  }
}

const sampleOf = async (): Promise<Sample> => (await told<ToldByServer, 'sample'>(server, 'sample', 'sample' satisfies AskedOfServer)).sample
const heardBy = async (what: ToldByReaders['what'], asked: AskedOfReaders): Promise<Heard> => (await told<ToldByReaders, typeof what>(readers, what, asked)).heard

let isOver = false
const leaving = new AbortController()
const server = start('server.ts', ...values.fault)
const { port } = await told<ToldByServer, 'listening'>(server, 'listening')
const readers = start('readers.ts', String(port), values.seed)
const visitors = start('../flows/visitors.ts')

/** Runs readers that come and go: with a FIN, with a RST, before they read, and pipelined. */
async function visit (): Promise<void> {
  while (!leaving.signal.aborted) {
    const next = sleep(VISITS / VISITS_PER_SECOND * 1000)
    visitors.send({ port, count: VISITS, atATime: AT_A_TIME } satisfies Visits)
    await once(visitors, 'message')
    await next
  }
}

function sleep (milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)
const COLUMNS: Array<[title: string, width: number, value: (sample: Sample, heard: Heard, seconds: number) => string | number]> = [
  ['seconds', 7, (_sample, _heard, seconds) => seconds.toFixed(0)],
  ['rss', 7, ({ rss }) => mebibytes(rss)],
  ['heap', 6, ({ heapUsed }) => mebibytes(heapUsed)],
  ['extern', 6, ({ external }) => mebibytes(external)],
  ['sockets', 7, ({ sockets }) => sockets],
  ['timers', 6, ({ timers }) => timers],
  ['handles', 7, ({ handles }) => handles],
  ['open', 5, ({ subscribers }) => subscribers],
  ['channels', 8, ({ channels }) => channels],
  ['views', 5, ({ views }) => views],
  ['events', 8, ({ events }) => events],
  ['deliveries', 10, ({ deliveries }) => deliveries],
  ['heard', 9, (_sample, { events }) => events],
  ['connects', 8, (_sample, { connections }) => connections],
  ['gaps', 5, (_sample, { gaps }) => gaps],
  ['faults', 6, (_sample, { faults }) => faults]
]

console.log(`${minutes} minutes, seed ${values.seed}; memory in MiB, after a collection of garbage`)
console.log(COLUMNS.map(([title, width]) => title.padStart(width)).join(' '))
const print = (sample: Sample, heard: Heard): void => {
  console.log(COLUMNS.map(([, width, value]) => String(value(sample, heard, (performance.now() - began) / 1000)).padStart(width)).join(' '))
}

// A process takes seconds to start on a busy machine, and samples before that show nothing.
await heardBy('heard', 'heard')
const began = performance.now()
const visiting = visit()
const samples: Sample[] = []
while (performance.now() - began < minutes * 60_000) {
  await sleep(interval)
  const sample = await sampleOf()
  samples.push(sample)
  print(sample, await heardBy('heard', 'heard'))
}

leaving.abort()
await visiting
await told<ToldByServer, 'stopped'>(server, 'stopped', 'stop' satisfies AskedOfServer)
await heardBy('settled', 'settle')
const { numbers } = await told<ToldByServer, 'numbers'>(server, 'numbers', 'farewell' satisfies AskedOfServer)
const heard = await heardBy('finished', { finish: numbers })
const limit = performance.now() + LEAVING_LIMIT
let left = await sampleOf()
const isLeft = ({ sockets, subscribers, channels, views }: Sample): boolean => sockets + subscribers + channels + views > 0
while (isLeft(left) && performance.now() < limit) {
  await sleep(100)
  left = await sampleOf()
}
console.log('all have gone:')
print(left, heard)
console.log(`closes: ${Object.entries(left.closes).filter(([, count]) => count > 0).map(([reason, count]) => `${reason} ${count}`).join(', ')}`)

const failures = [...heard.examples]
if (isLeft(left)) failures.push('something is left when all have gone')
if (heard.events === 0) failures.push('nothing was heard')
const inMebibytes = new Set<Watched>(['rss', 'heapUsed', 'external'])
for (const { what, grown, tolerated } of growthOf(samples)) {
  const show = (value: number): string => inMebibytes.has(what) ? `${mebibytes(value)} MiB` : value.toFixed(0)
  const text = `${what} grew by ${show(grown)} within the second half; ${show(tolerated)} are tolerated`
  console.log(text)
  if (grown > tolerated) failures.push(text)
}
console.log(failures.length === 0 ? 'passed' : `FAILED:\n${failures.join('\n')}`)
isOver = true
process.exit(failures.length === 0 ? 0 : 1)
