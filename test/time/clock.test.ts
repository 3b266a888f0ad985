import t, { type Test } from 'tap'
import { Clock, type Times } from '../../lib/time/clock.ts'

/** Ticks of a clock of one millisecond, whose source gives one time after the other. */
async function ticksOf (t: Test, times: readonly number[]): Promise<Times[]> {
  const source = times[Symbol.iterator]()
  const clock = new Clock(() => source.next().value ?? NaN)
  t.after(() => clock.stop())
  // It keeps no process alive itself.
  const alive = setInterval(() => {}, 1000)
  t.after(() => clearInterval(alive))
  const ticks: Times[] = []
  await new Promise<void>((resolve) => {
    clock.start({ interval: 1, longestStep: 2 }, (tick) => {
      if (ticks.push(tick) === times.length - 1) resolve()
    })
  })
  return ticks.slice(0, times.length - 1)
}

t.test('a tick says what the source says, and how much of it this process was awake', async (t) => {
  t.strictSame(await ticksOf(t, [5000, 5001, 5002.5]), [{ real: 5001, awake: 1 }, { real: 5002.5, awake: 2.5 }])
})

t.test('of time that the process spent blocked or stopped, one step is taken for awake', async (t) => {
  t.strictSame(await ticksOf(t, [0, 1, 5001, 5002, 15_002]), [
    { real: 1, awake: 1 },
    { real: 5001, awake: 3 },
    { real: 5002, awake: 4 },
    { real: 15_002, awake: 6 }
  ])
})

t.test('without a source it is monotonic', async (t) => {
  const before = Math.trunc(performance.now())
  t.ok(new Clock().now >= before)
  t.ok(new Clock().now <= performance.now())
})

t.test('a clock that was stopped ticks no more, also twice', async (t) => {
  const clock = new Clock()
  let ticks = 0
  clock.start({ interval: 1, longestStep: 2 }, () => { ticks++ })
  clock.stop()
  clock.stop()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(ticks, 0)
})
