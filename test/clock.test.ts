import t from 'tap'
import { Clock } from '../lib/clock.ts'

t.test('time that the process spent blocked has passed for nobody', async (t) => {
  const clock = new Clock()
  // It keeps no process alive itself.
  const alive = setInterval(() => {}, 1000)
  const times: number[] = []
  await new Promise<void>((resolve) => {
    clock.start(10, (time) => {
      times.push(time)
      if (times.length === 3) {
        const until = performance.now() + 500
        while (performance.now() < until);
      }
      if (times.length === 6) resolve()
    })
  })
  clock.stop()
  clearInterval(alive)
  const steps = times.map((time, at) => time - (times[at - 1] ?? 0))
  t.ok(steps.every((step) => step > 0 && step <= 20), steps.join(' '))
})

t.test('a clock that was stopped ticks no more, also twice', async (t) => {
  const clock = new Clock()
  let ticks = 0
  clock.start(1, () => { ticks++ })
  clock.stop()
  clock.stop()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(ticks, 0)
})
