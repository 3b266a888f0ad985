import { mock } from 'node:test'
import type { Test } from 'tap'

/** Time that passes when it is told to. */
export class FakeTime {
  constructor (t: Test) {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 })
    t.teardown(() => mock.timers.reset())
  }

  /** Millisecond by millisecond: a timer finds the clock at the moment that it is due. */
  pass (milliseconds: number, step = 1): void {
    for (let left = milliseconds; left > 0; left -= step) mock.timers.tick(Math.min(step, left))
  }

  /** As when a machine sleeps: no timer comes before the end of it. */
  sleep (milliseconds: number): void {
    mock.timers.setTime(Date.now() + milliseconds)
    mock.timers.tick(1)
  }
}
