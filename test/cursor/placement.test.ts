import t from 'tap'
import { place, type AfterGap } from '../../lib/cursor/placement.ts'
import { formatPosition } from '../../lib/broker/position.ts'
import { createFanOut } from '../support/fan-out.ts'

/** A reader that comes back to the channels it hears. */
async function createHistory (count: number, bounds: Parameters<typeof createFanOut>[0] = {}, channelOf = (_i: number): string => '*') {
  const fanOut = createFanOut(bounds)
  const { log, views, publish, settled } = fanOut
  for (let i = 0; i < count; i++) publish(String(i), { channels: [channelOf(i)] })
  // Nobody has to be there for the log to be trimmed.
  const { subscriber } = fanOut.subscribe()
  fanOut.pump.wake(new Map([[subscriber, subscriber.delivery]]))
  publish('last')
  await settled()
  const { epoch } = log.newest
  const start = (id: string, names: string[], { isNamed = false, afterGap = 'replay' as AfterGap } = {}) => {
    const view = views.acquire(names.length === 0 ? ['*'] : names)
    const { lastEventId, ...placement } = place(log, view, { from: 'id', id, isNamed }, afterGap)
    views.release(view)
    return placement
  }
  const come = (lastEventId: string, ...names: string[]) => start(lastEventId, names)
  return { ...fanOut, start, come, id: (offset: number): string => formatPosition({ epoch, offset }) }
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
  const { log, views } = await createHistory(20, { maxEvents: 5 })
  for (const id of ['', 'strange', 'b000000000.8', log.lastEventId!]) {
    t.strictSame(place(log, views.acquire([]), { from: 'id', id, isNamed: false }, 'replay'), { cursor: log.head })
  }
})

t.test('a reader of an event with an id of the application resumes after that event, however often the id was given', async (t) => {
  const { log, publish, come, settled } = await createHistory(0, { maxEvents: 5 })
  const seen: string[] = []
  for (const id of ['order-7', 'order-8', 'order-9', 'order-7', 'order-10']) {
    publish(id, { id })
    seen.push(`${id}@${log.lastEventId!}`)
  }
  await settled()
  for (const [at, id] of seen.entries()) t.strictSame(come(id), { cursor: log.head - 4 + at }, id)
  t.strictSame(come(`order-7@b000000000.${log.newest.offset}`), { cursor: log.head - 5, gap: 'foreign' }, 'of before a restart')
  publish('x')
  publish('y')
  await settled()
  t.strictSame(come(seen[0]!), { cursor: log.head - 5, gap: 'evicted' })
  t.strictSame(come(seen[3]!), { cursor: log.head - 3 })
})

t.test('a reader that makes up an id of the application is not told whether there is an event of that id', async (t) => {
  const { publish, come, settled } = await createHistory(0)
  publish('secret', { id: 'order-7', channels: ['others'] })
  await settled()
  t.strictSame(come('order-7'), come('order-8'))
  t.match(come('order-7'), { gap: 'unknown' })
})

t.test('the application names the one event in the log that has an id, and a name of several or of none is a gap', async (t) => {
  const { log, publish, start, settled } = await createHistory(0, { maxEvents: 5 })
  for (const id of ['order-1', 'order-2', 'order-1']) publish(id, { id })
  await settled()
  const from = (id: string) => start(id, [], { isNamed: true })
  t.strictSame(from('order-2'), { cursor: log.head - 1 })
  t.match(from('order-1'), { gap: 'unknown' })
  t.match(from('order-3'), { gap: 'unknown' })
  t.strictSame(from(log.lastEventId!), { cursor: log.head })
  for (let i = 0; i < 5; i++) publish('x')
  await settled()
  t.match(from('order-2'), { gap: 'unknown' })
})

t.test('with `afterGap: \'live\'` only what comes follows a gap, whatever the gap', async (t) => {
  const { log, id, start } = await createHistory(9, { maxEvents: 5 })
  const { head } = log
  for (const [lastEventId, gap] of [[id(4), 'evicted'], ['b000000000.8', 'foreign'], [id(11), 'future'], ['strange', 'unknown']] as const) {
    t.strictSame(start(lastEventId, [], { afterGap: 'live' }), { cursor: head, gap })
  }
  t.strictSame(start(id(8), [], { afterGap: 'live' }), { cursor: 8 }, 'where there is no gap, nothing is left out')
})

t.test('what was replaced is no gap', async (t) => {
  const { log, publish, start, come, settled } = await createHistory(0)
  const before = log.lastEventId!
  publish('1', { key: 'k' })
  const seen = log.lastEventId!
  publish('2', { key: 'k', id: 'mine' })
  const mine = `mine@${log.lastEventId!}`
  publish('3', { key: 'k' })
  await settled()
  for (const id of [before, seen, mine]) t.notOk(come(id).gap)
  t.strictSame(start('mine', [], { isNamed: true }), { cursor: log.head - 1 }, 'an id of the application is known as long as the history reaches back')
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
