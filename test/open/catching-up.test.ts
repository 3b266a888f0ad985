import t from 'tap'
import type { Position } from '../../lib/broker/position.ts'
import { formatPosition } from '../../lib/broker/position.ts'
import { CatchingUp } from '../../lib/open/catching-up.ts'
import { createFanOut } from '../support/fan-out.ts'

const EPOCH = '0000000005'

/** A node that has got to an offset, and an engine whose head the test sets. */
function createNode (offset: number) {
  const { replica } = createFanOut()
  replica.reset({ epoch: EPOCH, offset })
  const engine = { asked: 0, head: { epoch: EPOCH, offset } as Position | undefined }
  const order = {
    async head (): Promise<Position> {
      engine.asked++
      if (engine.head === undefined) throw new Error('away')
      return engine.head
    }
  }
  return { replica, engine, catchingUp: new CatchingUp(order, replica) }
}

const idOf = (offset: number, epoch = EPOCH): string => formatPosition({ epoch, offset })

/** Tells whether a promise settles while the event loop turns a few times. */
async function isPending (promise: Promise<void> | undefined): Promise<boolean> {
  let pending = promise !== undefined
  void promise?.then(() => { pending = false })
  // More than the interval between two questions.
  await new Promise((resolve) => setTimeout(resolve, 150))
  return pending
}

t.test('an ID that the log has, or that is none, needs no question', async (t) => {
  const { engine, catchingUp } = createNode(5)
  for (const id of [idOf(5), idOf(3), idOf(7, '0000000004'), 'strange', '']) t.equal(catchingUp.wait(id), undefined, id)
  t.equal(engine.asked, 0)
})

t.test('a reader from a node that is ahead waits until this node has got as far', async (t) => {
  const { engine, replica, catchingUp } = createNode(5)
  engine.head = { epoch: EPOCH, offset: 9 }
  const waiting = catchingUp.wait(idOf(8))
  t.equal(await isPending(waiting), true)
  replica.lose({ epoch: EPOCH, offset: 8 })
  await waiting
})

t.test('a reader with an ID of a later epoch waits for that epoch', async (t) => {
  const { engine, replica, catchingUp } = createNode(5)
  engine.head = { epoch: '0000000006', offset: 2 }
  const waiting = catchingUp.wait(idOf(1, '0000000006'))
  t.equal(await isPending(waiting), true)
  replica.reset({ epoch: '0000000006', offset: 1 })
  await waiting
})

t.test('a made-up ID does not wait, and many of them are one question', async (t) => {
  const { engine, catchingUp } = createNode(5)
  const waiting = Array.from({ length: 100 }, (_, i) => catchingUp.wait(idOf(6 + i)))
  await Promise.all(waiting)
  t.equal(engine.asked, 1)
})

t.test('an answer from before a reader came is no reason to send it away', async (t) => {
  const { engine, replica, catchingUp } = createNode(5)
  await catchingUp.wait(idOf(6))
  engine.head = { epoch: EPOCH, offset: 6 }
  const waiting = catchingUp.wait(idOf(6))
  t.equal(await isPending(waiting), true)
  replica.lose({ epoch: EPOCH, offset: 6 })
  await waiting
  t.equal(engine.asked, 2)
})

t.test('while the engine does not answer, a reader waits for its event, for two seconds at most', async (t) => {
  const { engine, catchingUp } = createNode(5)
  engine.head = undefined
  const waiting = catchingUp.wait(idOf(6))
  // The timer of the wait does not keep a process alive.
  const alive = setInterval(() => {}, 1000)
  t.equal(await isPending(waiting), true)
  await waiting
  clearInterval(alive)
})

t.test('a broker of one process has no head to ask for', async (t) => {
  const { replica } = createNode(5)
  t.equal(new CatchingUp({}, replica).wait(idOf(9)), undefined)
})
