import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE } from './browsers.ts'

/** Resolves once a condition in this process holds; rejects after `milliseconds`. */
export async function holds (condition: () => boolean, what: string, milliseconds = PATIENCE): Promise<void> {
  const deadline = performance.now() + milliseconds
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${milliseconds} ms: ${what}`)
    await sleep(20)
  }
}
