import t, { type Test } from 'tap'
import { Clock, type Times } from '../../lib/time/clock.ts'

/** Ticks of a clock with an interval of 1 ms, whose source returns the given times in turn. */
async function ticksOf (t: Test, times: readonly number[]): Promise<Times[]> {
  const source = times[Symbol.iterator]()
  const clock = new Clock(() => source.next().value ?? NaN)
  t.after(() => clock.stop())
  // The timer of the clock does not keep the process alive.
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

t.test('a tick reports the time of the source and the awake time of the process', async (t) => {
  t.strictSame(await ticksOf(t, [5000, 5001, 5002.5]), [{ real: 5001, awake: 1 }, { real: 5002.5, awake: 2.5 }])
})

t.test('a period in which the process was blocked or stopped counts as one step of awake time', async (t) => {
  t.strictSame(await ticksOf(t, [0, 1, 5001, 5002, 15_002]), [
    { real: 1, awake: 1 },
    { real: 5001, awake: 3 },
    { real: 5002, awake: 4 },
    { real: 15_002, awake: 6 }
  ])
})

t.test('a clock without a source is monotonic', async (t) => {
  const before = Math.trunc(performance.now())
  t.ok(new Clock().now >= before)
  t.ok(new Clock().now <= performance.now())
})

t.test('a stopped clock ticks no more, and may be stopped twice', async (t) => {
  const clock = new Clock()
  let ticks = 0
  clock.start({ interval: 1, longestStep: 2 }, () => { ticks++ })
  clock.stop()
  clock.stop()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(ticks, 0)
})
