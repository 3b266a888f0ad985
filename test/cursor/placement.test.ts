import t from 'tap'
import { place, type AfterGap } from '../../lib/cursor/placement.ts'
import { formatPosition } from '../../lib/broker/position.ts'
import { createFanOut } from '../support/fan-out.ts'

/** Creates a log of `count` events, and `come`, which places a reader that comes back with an ID. */
async function createHistory (count: number, bounds: Parameters<typeof createFanOut>[0] = {}, channelOf = (_i: number): string => '*') {
  const fanOut = createFanOut(bounds)
  const { log, views, publish, settled } = fanOut
  for (let i = 0; i < count; i++) publish(String(i), { channels: [channelOf(i)] })
  // The log is trimmed after each sweep, with or without subscribers.
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

t.test('a reader that comes back is current, behind, or has a gap: evicted, foreign, future or unknown', async (t) => {
  const { come, id } = await createHistory(9, { maxEvents: 5 })
  t.strictSame(come(id(10)), { cursor: 10 }, 'up to date')
  t.strictSame(come(id(8)), { cursor: 8 }, 'behind, with every event kept')
  t.strictSame(come(id(5)), { cursor: 5 }, 'just before the oldest kept event')
  t.strictSame(come(id(4)), { cursor: 5, gap: 'evicted' })
  t.strictSame(come(id(0)), { cursor: 5, gap: 'evicted' })
  t.strictSame(come('b000000000.8'), { cursor: 5, gap: 'foreign' })
  t.strictSame(come(id(11)), { cursor: 10, gap: 'future' })
  for (const strange of ['head', 'oldest', '', '-', 'constructor', '__proto__', '\0', 'x'.repeat(15_000), `${id(8)} `, id(8).toUpperCase()]) {
    t.strictSame(come(strange), { cursor: 5, gap: 'unknown' }, strange.slice(0, 20))
  }
})

t.test('a reader receives no gap for entries lost in other channels', async (t) => {
  const { come, id } = await createHistory(20, { maxEvents: 5 }, (i) => i === 3 ? 'rare' : i === 17 ? 'quiet' : '*')
  t.strictSame(come(id(0), 'quiet'), { cursor: 16 }, 'the only event of the channel is kept')
  t.strictSame(come(id(4), 'rare'), { cursor: 16 }, 'the reader has received the evicted event')
  t.strictSame(come(id(3), 'rare'), { cursor: 16, gap: 'evicted' }, 'the reader has not received the evicted event')
  t.strictSame(come(id(0), 'never heard of'), { cursor: 16 })
  t.strictSame(come(id(4), 'rare', 'quiet'), { cursor: 16 })
  t.strictSame(come(id(4), 'rare', '*'), { cursor: 16, gap: 'evicted' })
})

t.test('a reader without channels has no gap, for any ID', async (t) => {
  const { log, views } = await createHistory(20, { maxEvents: 5 })
  for (const id of ['', 'strange', 'b000000000.8', log.lastEventId!]) {
    t.strictSame(place(log, views.acquire([]), { from: 'id', id, isNamed: false }, 'replay'), { cursor: log.head })
  }
})

t.test('a reader resumes after its event with an ID of the application, even if several events have that ID', async (t) => {
  const { log, publish, come, settled } = await createHistory(0, { maxEvents: 5 })
  const seen: string[] = []
  for (const id of ['order-7', 'order-8', 'order-9', 'order-7', 'order-10']) {
    publish(id, { id })
    seen.push(`${id}@${log.lastEventId!}`)
  }
  await settled()
  for (const [at, id] of seen.entries()) t.strictSame(come(id), { cursor: log.head - 4 + at }, id)
  t.strictSame(come(`order-7@b000000000.${log.newest.offset}`), { cursor: log.head - 5, gap: 'foreign' }, 'the ID is from before a restart')
  publish('x')
  publish('y')
  await settled()
  t.strictSame(come(seen[0]!), { cursor: log.head - 5, gap: 'evicted' })
  t.strictSame(come(seen[3]!), { cursor: log.head - 3 })
})

t.test('a made-up ID of the application is unknown, whether or not an event has that ID', async (t) => {
  const { publish, come, settled } = await createHistory(0)
  publish('secret', { id: 'order-7', channels: ['others'] })
  await settled()
  t.strictSame(come('order-7'), come('order-8'))
  t.match(come('order-7'), { gap: 'unknown' })
})

t.test('`from` finds the only event with an ID of the application, and is a gap if several events or none have it', async (t) => {
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

t.test('with `afterGap: \'live\'` a reader starts at the head after every kind of gap', async (t) => {
  const { log, id, start } = await createHistory(9, { maxEvents: 5 })
  const { head } = log
  for (const [lastEventId, gap] of [[id(4), 'evicted'], ['b000000000.8', 'foreign'], [id(11), 'future'], ['strange', 'unknown']] as const) {
    t.strictSame(start(lastEventId, [], { afterGap: 'live' }), { cursor: head, gap })
  }
  t.strictSame(start(id(8), [], { afterGap: 'live' }), { cursor: 8 }, 'a reader without a gap receives every event')
})

t.test('a replaced entry causes no gap', async (t) => {
  const { log, publish, start, come, settled } = await createHistory(0)
  const before = log.lastEventId!
  publish('1', { key: 'k' })
  const seen = log.lastEventId!
  publish('2', { key: 'k', id: 'mine' })
  const mine = `mine@${log.lastEventId!}`
  publish('3', { key: 'k' })
  await settled()
  for (const id of [before, seen, mine]) t.notOk(come(id).gap)
  t.strictSame(start('mine', [], { isNamed: true }), { cursor: log.head - 1 }, 'the ID of a replaced entry is still known')
})

t.test('a replay respects the bounds of the history before and after the log is trimmed', async (t) => {
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

t.test('a reader with an unknown ID is placed without a look at the 10,000 ephemeral entries held', async (t) => {
  const { publish, subscribe, settled, views, log } = createFanOut()
  const names = Array.from({ length: 100 }, (_, i) => `c${i}`)
  subscribe(0, names).writer.room = 0
  publish('kept', { channels: ['c7'] })
  await settled()
  for (let i = 0; i < 10_000; i++) publish('x', { channels: names, ephemeral: true })
  await settled()
  t.equal(log.ephemeralSize, 10_000)
  const view = views.acquire([...names, 'own'])
  let looks = 0
  for (const { ephemeral } of view.parts) {
    for (const method of ['at', 'slotOf', 'firstFrom', 'present'] as const) t.intercept(ephemeral, method, { get: () => { looks++; return undefined } })
  }
  const { cursor, gap } = place(log, view, { from: 'id', id: 'strange', isNamed: false }, 'replay')
  t.match(view.gap(cursor, gap!), /"oldestEventId":"\w+\.1"/)
  t.equal(view.batch(cursor, log.head, true).events, 1)
  t.equal(looks, 0)
})

t.test('only readers of quiet channels with losses receive a gap after 20,000 other channels have lost entries', async (t) => {
  const { publish, subscribe, settled, views, log } = createFanOut({ maxEvents: 1000 })
  const quiet = Array.from({ length: 300 }, (_, i) => `quiet/${i}`)
  for (const name of quiet) subscribe(log.head, [name]).writer.end()
  for (const name of quiet.slice(0, 50)) publish('x', { channels: [name] })
  const left = log.lastEventId!
  for (const name of quiet.slice(100, 150)) publish('x', { channels: [name] })
  for (let i = 0; i < 20_000; i++) {
    publish('x', { channels: [`busy/${i}`] })
    if (i % 500 === 0) await settled()
  }
  // The log is trimmed after each sweep, with or without subscribers.
  subscribe()
  publish('x')
  await settled()
  const gaps = quiet.map((name) => {
    const view = views.acquire([name])
    const { gap } = place(log, view, { from: 'id', id: left, isNamed: false }, 'replay')
    views.release(view)
    return gap
  })
  t.strictSame(gaps, quiet.map((_, i) => i >= 100 && i < 150 ? 'evicted' : undefined))
})
