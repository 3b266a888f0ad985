import t from 'tap'
import { resume } from '../lib/placement.ts'
import { formatPosition } from '../lib/position.ts'
import { createFanOut } from './support/fan-out.ts'

/** A reader that comes back to the channels it hears. */
async function createHistory (count: number, bounds: Parameters<typeof createFanOut>[0] = {}, channelOf = (_i: number): string => '*') {
  const fanOut = createFanOut(bounds)
  const { log, channels, publish, settled } = fanOut
  for (let i = 0; i < count; i++) publish(String(i), { channels: [channelOf(i)] })
  // Nobody has to be there for the log to be trimmed.
  const { subscriber } = fanOut.subscribe()
  fanOut.pump.wake(new Map([[subscriber, subscriber.delivery]]))
  publish('last')
  await settled()
  const { epoch } = log.newest
  const come = (lastEventId: string, ...names: string[]) => {
    const view = channels.view(names.length === 0 ? ['*'] : names)
    const placement = resume(log, view, lastEventId)
    channels.release(view)
    return placement
  }
  return { ...fanOut, come, id: (offset: number): string => formatPosition({ epoch, offset }) }
}

t.test('the five cases of a reader that comes back', async (t) => {
  const { come, id } = await createHistory(9, { maxEvents: 5 })
  t.strictSame(come(id(10)), { cursor: 10 }, 'up to date')
  t.strictSame(come(id(8)), { cursor: 8 }, 'behind and kept')
  t.strictSame(come(id(5)), { cursor: 5 }, 'just before the oldest one kept')
  t.strictSame(come(id(4)), { cursor: 5, gap: 'evicted' })
  t.strictSame(come(id(0)), { cursor: 5, gap: 'evicted' })
  t.strictSame(come('b000000000.8'), { cursor: 5, gap: 'foreign' })
  t.strictSame(come(id(11)), { cursor: 10, gap: 'future' })
  for (const strange of ['head', 'oldest', '', '-', 'constructor', '__proto__', '\0', 'x'.repeat(15_000), `${id(8)} `, id(8).toUpperCase()]) {
    t.strictSame(come(strange), { cursor: 5, gap: 'unknown' }, strange.slice(0, 20))
  }
})

t.test('a reader of a quiet channel is not told of what others lost', async (t) => {
  const { come, id } = await createHistory(20, { maxEvents: 5 }, (i) => i === 3 ? 'rare' : i === 17 ? 'quiet' : '*')
  t.strictSame(come(id(0), 'quiet'), { cursor: 16 }, 'its one event is kept, and so is all after it')
  t.strictSame(come(id(4), 'rare'), { cursor: 16 }, 'it has seen the one that is gone')
  t.strictSame(come(id(3), 'rare'), { cursor: 16, gap: 'evicted' }, 'it has not')
  t.strictSame(come(id(0), 'never heard of'), { cursor: 16 })
  t.strictSame(come(id(4), 'rare', 'quiet'), { cursor: 16 })
  t.strictSame(come(id(4), 'rare', '*'), { cursor: 16, gap: 'evicted' })
})

t.test('a reader of no channel at all has missed nothing, whatever it brings', async (t) => {
  const { log, channels } = await createHistory(20, { maxEvents: 5 })
  for (const id of ['', 'strange', 'b000000000.8', log.lastEventId!]) {
    t.strictSame(resume(log, channels.view([]), id), { cursor: log.head })
  }
})

t.test('an id of the application resumes as long as its event is in the log', async (t) => {
  const { log, publish, come, settled } = await createHistory(0, { maxEvents: 5 })
  publish('a', { id: 'order-1' })
  publish('b', { id: 'order-2' })
  publish('c', { id: 'order-1' })
  await settled()
  t.strictSame(come('order-2'), { cursor: log.head - 1 })
  t.strictSame(come('order-1'), { cursor: log.head }, 'the newer one')
  t.match(come('order-3'), { gap: 'unknown' })
  for (let i = 0; i < 5; i++) publish('x')
  await settled()
  t.match(come('order-2'), { gap: 'unknown' })
})

t.test('what was replaced is no gap', async (t) => {
  const { log, publish, come, settled } = await createHistory(0)
  const before = log.lastEventId!
  publish('1', { key: 'k' })
  const seen = log.lastEventId!
  publish('2', { key: 'k', id: 'mine' })
  publish('3', { key: 'k' })
  await settled()
  for (const id of [before, seen]) t.notOk(come(id).gap)
  t.strictSame(come('mine'), { cursor: log.head - 1 }, 'an id of the application is known as long as the history reaches back')
})

t.test('what the bounds allow is replayed and no more, before and after the log is trimmed', async (t) => {
  const { log, publish, come, settled } = await createHistory(0, { maxEvents: 5 })
  await settled()
  const first = log.lastEventId!
  for (let i = 0; i < 20; i++) publish(String(i), i % 2 === 0 ? { key: String(i % 8) } : {})
  const untrimmed = come(first)
  t.equal(untrimmed.gap, 'evicted')
  await settled()
  t.strictSame(come(first), untrimmed)
  t.equal(log.size, 5)
})
