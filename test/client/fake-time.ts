import { mock } from 'node:test'
import type { Test } from 'tap'

/** Time that passes when it is told to. */
export class FakeTime {
  /** How far the wall clock was set. */
  #set = 0

  constructor (t: Test) {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 })
    const { now } = Date
    Date.now = () => now() + this.#set
    const { performance } = globalThis
    Object.defineProperty(globalThis, 'performance', { configurable: true, value: { now: () => now() - 1_000_000 } })
    t.teardown(() => {
      Object.defineProperty(globalThis, 'performance', { configurable: true, value: performance })
      mock.timers.reset()
    })
  }

  /** Millisecond by millisecond: a timer finds the clock at the moment that it is due. */
  pass (milliseconds: number, step = 1): void {
    for (let left = milliseconds; left > 0; left -= step) mock.timers.tick(Math.min(step, left))
  }

  /** As when a machine sleeps: no timer comes before the end of it. */
  sleep (milliseconds: number): void {
    mock.timers.setTime(Date.now() - this.#set + milliseconds)
    mock.timers.tick(1)
  }

  /** As when somebody corrects the time of day. */
  setWallClock (milliseconds: number): void {
    this.#set += milliseconds
  }
}
