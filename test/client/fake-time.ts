import { mock } from 'node:test'
import type { Test } from 'tap'

/** Fake clocks and timers that the test advances. */
export class FakeTime {
  /** Milliseconds by which the wall clock was changed. */
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

  /** Advances in steps of a millisecond, so that a timer sees the clock at its due time. */
  pass (milliseconds: number, step = 1): void {
    for (let left = milliseconds; left > 0; left -= step) mock.timers.tick(Math.min(step, left))
  }

  /** Simulates a machine that sleeps: no timer fires before the end. */
  sleep (milliseconds: number): void {
    mock.timers.setTime(Date.now() - this.#set + milliseconds)
    mock.timers.tick(1)
  }

  /** Changes the wall clock and no timer. */
  setWallClock (milliseconds: number): void {
    this.#set += milliseconds
  }
}
