import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { MEASURED } from '../support/child.ts'
import { growthOf, slope, TOLERANCES } from './trend.ts'
import { FAULTS, type Sample } from './told.ts'

// Each soak is three processes, which mostly wait.
t.jobs = 3

interface Outcome { readonly code: number | null, readonly output: string }

async function soak (...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [...MEASURED.execArgv, 'test/soak/main.ts', ...args], {
    env: MEASURED.env,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (piece: string) => { output += piece })
  const [code] = await once(child, 'close') as [number | null]
  return { code, output }
}

t.test('a short soak prints its table, finds no fault and exits with 0', async (t) => {
  const { code, output } = await soak('--minutes', '0.15', '--interval', '1')
  t.equal(code, 0, output)
  t.match(output, /^seconds +rss +heap +extern +sockets +timers +handles +open +channels +views +events +deliveries +heard +connects +gaps +faults\n( *[\d.]+){16}\n/m)
  t.match(output, /all have gone:\n( +[\d.]+){4} +0( +\d+){2}( +0){3} .* 0\ncloses: reader \d+/)
  t.match(output, /\npassed\n$/)
})

t.test('a soak exits with 1 if memory grows, timers are left, an event comes twice, or an event is lost', async (t) => {
  const { code, output } = await soak('--minutes', '0.15', '--interval', '1', ...FAULTS.flatMap((fault) => ['--fault', fault]))
  t.equal(code, 1, output)
  t.match(output, /FAILED:\n[^]*external grew by \d/)
  t.match(output, /FAILED:\n[^]*timers grew by \d/)
  t.match(output, /FAILED:\n[^]*^(\d+) comes after \1$/m)
  t.match(output, /FAILED:\n[^]*^(?!(\d+) comes after \1$)\d+ comes after \d+$/m)
})

t.test('a soak with invalid options prints its help and exits with 2', async (t) => {
  await Promise.all([['--minutes', '0'], ['--fault', 'none']].map(async (args) => {
    const { code, output } = await soak(...args)
    t.equal(code, 2)
    t.match(output, 'npm run soak')
  }))
})

t.test('a trend is a median of slopes, which ignores single outliers and the first half', async (t) => {
  t.equal(slope([5]), 0)
  t.equal(slope([1, 2, 3, 4]), 1)
  t.equal(slope([10, 10, 900, 10, 10, 10, 10]), 0, 'one wild sample changes nothing')
  const nothing = Object.fromEntries(Object.keys(TOLERANCES).map((what) => [what, 0]))
  const grows = (...mebibytes: number[]): boolean => {
    const samples = mebibytes.map((one) => ({ ...nothing, heapUsed: one * 1024 * 1024 }) as unknown as Sample)
    return growthOf(samples).some(({ grown, tolerated }) => grown > tolerated)
  }
  t.notOk(grows(0, 10, 20, 30, 40, 40, 40, 40, 40, 40), 'growth in the first half is ignored')
  t.ok(grows(40, 40, 40, 40, 40, 41, 42, 43, 44, 45))
})
