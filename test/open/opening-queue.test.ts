import t from 'tap'
import { OpeningQueue } from '../../lib/open/opening-queue.ts'

const PER_TURN = 32

async function turn (): Promise<void> {
  await new Promise(setImmediate)
}

t.test('32 openings pass in each turn of the event loop, in the order of arrival', async (t) => {
  const queue = new OpeningQueue()
  const passed: number[] = []
  let atOnce = 0
  for (let n = 0; n < 100; n++) {
    const waits = queue.pass()
    if (waits === undefined) passed.push(atOnce++)
    else void waits.then(() => passed.push(n))
  }
  const counts = [passed.length]
  while (passed.length < 100) {
    await turn()
    counts.push(passed.length)
  }
  t.strictSame(counts, [32, 64, 96, 100])
  t.strictSame(passed, Array.from({ length: 100 }, (_, n) => n))
})

t.test('an opening that arrives while others wait passes after them', async (t) => {
  const queue = new OpeningQueue()
  const passed: string[] = []
  const come = (name: string): void => { void queue.pass()?.then(() => passed.push(name)) }
  for (let n = 0; n < PER_TURN; n++) come('at once')
  come('first')
  await turn()
  for (let n = 0; n < PER_TURN; n++) come('second')
  while (passed.length < 2) await turn()
  t.strictSame(passed.slice(0, 2), ['first', 'second'])
})

t.test('openings pass immediately while none is waiting', async (t) => {
  const queue = new OpeningQueue()
  for (let n = 0; n < 5; n++) {
    for (let m = 0; m < PER_TURN; m++) t.equal(queue.pass(), undefined)
    for (let m = 0; m < 3; m++) await turn()
  }
})
