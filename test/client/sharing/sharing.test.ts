import t, { type Test } from 'tap'
import { FakeSource } from '../fake-source.ts'
import { FakeTabs, type Tab } from './fake-tabs.ts'
import { FakeTime } from '../fake-time.ts'

const OPEN = { state: 'open' } as const

type Opened = Tab<FakeSource>

const tabsOf = (t: Test): FakeTabs<FakeSource> => new FakeTabs(t, (from, listener) => new FakeSource(listener, from))

const source = ({ sources }: Opened): FakeSource & { from: string } => sources.at(-1)!
const heard = ({ events }: Opened): string[] => events.filter(({ type }) => !type.startsWith('sse.')).map(({ data }) => data)
const live = (...tabs: Opened[]): number => tabs.flatMap(({ sources }) => sources).filter(({ isClosed }) => !isClosed).length

/** Opens the stream of a tab: its server sends `sse.open` first. */
function begin (tab: Opened, lastEventId: string): void {
  source(tab).turn(OPEN)
  source(tab).event('sse.open', '{}', lastEventId)
}

/** Sends events whose data and ID are one number. */
const send = (tab: Opened, ...ids: number[]): void => { for (const id of ids) source(tab).event('order', String(id), String(id)) }

/** Opens tabs of which the first leads and the others follow, from event 0 on. */
async function follow (tabs: FakeTabs<FakeSource>, count: number): Promise<Opened[]> {
  const opened = Array.from({ length: count }, () => tabs.open())
  await tabs.settle()
  begin(opened[0]!, '0')
  await tabs.settle()
  return opened
}

t.test('one tab reads, and the others receive its events and statuses', async (t) => {
  const tabs = tabsOf(t)
  const [leader, ...others] = await follow(tabs, 4) as [Opened, Opened, Opened, Opened]
  send(leader, 1, 2)
  await tabs.settle()
  t.equal(live(...tabs.tabs), 1)
  for (const tab of tabs.tabs) {
    t.strictSame(heard(tab), ['1', '2'])
    t.equal(tab.turns.at(-1)?.state, 'open')
    t.equal(tab.connection.lastEventId, '2')
  }
  source(leader).turn({ state: 'waiting', reason: 'lost', retryAt: 7 })
  await tabs.settle()
  for (const { turns } of others) t.strictSame(turns.at(-1), { state: 'waiting', reason: 'lost', retryAt: 7 })
})

t.test('a later tab first receives the opening of the stream', async (t) => {
  const tabs = tabsOf(t)
  const leader = tabs.open()
  await tabs.settle()
  source(leader).turn(OPEN)
  source(leader).event('sse.open', '{"text":["order"]}', '0')
  send(leader, 1)
  const late = tabs.open()
  const later = tabs.open({ lastEventId: '0' })
  await tabs.settle()
  t.strictSame([late.openings, later.openings, leader.openings], [['{"text":["order"]}'], ['{"text":["order"]}'], []])
  t.strictSame([heard(late), heard(later)], [[], ['1']])
  // A new leader passes the opening on before its own stream has opened.
  await tabs.in(leader, () => leader.connection.close())
  await tabs.settle()
  const last = tabs.open()
  await tabs.settle()
  t.strictSame(last.openings, ['{"text":["order"]}'])
})

for (const end of ['close', 'kill'] as const) {
  t.test(`after the end of the leader (${end}) the next tab resumes from the last event, and no tab misses an event or receives one twice`, async (t) => {
    const tabs = tabsOf(t)
    const [leader, next, third] = await follow(tabs, 3) as [Opened, Opened, Opened]
    send(leader, 1, 2)
    if (end === 'close') await tabs.in(leader, () => leader.connection.close())
    else await tabs.kill(leader)
    await tabs.settle()
    t.equal(source(next).from, '2')
    begin(next, '2')
    send(next, 3)
    await tabs.settle()
    for (const tab of [next, third]) t.strictSame(heard(tab), ['1', '2', '3'])
    t.equal(live(leader, next, third), 1)
    t.notOk(third.turns.some(({ state }) => state === 'closed'))
  })
}

t.test('a new leader that gets the lock early first receives the last events of the previous leader', async (t) => {
  const tabs = tabsOf(t)
  const [leader, next] = await follow(tabs, 2) as [Opened, Opened]
  send(leader, 1, 2)
  await tabs.kill(leader)
  await tabs.grant()
  t.equal(next.sources.length, 0, 'the new leader does not read yet')
  await tabs.settle()
  t.equal(source(next).from, '2')
  t.strictSame(heard(next), ['1', '2'])
})

t.test('a follower that is behind a new leader receives the missed events from it', async (t) => {
  const tabs = tabsOf(t)
  const [leader, next, third] = await follow(tabs, 3) as [Opened, Opened, Opened]
  send(leader, 1)
  await tabs.settle()
  // The late tab has received nothing from the previous leader.
  const late = tabs.open({ lastEventId: '0' })
  await tabs.kill(leader)
  await tabs.grant()
  while (next.sources.length === 0) await tabs.deliver(next)
  await tabs.settle()
  t.strictSame(heard(late), ['1'])
  begin(next, '1')
  send(next, 2)
  await tabs.settle()
  for (const tab of [next, third, late]) t.strictSame(heard(tab), ['1', '2'])
  t.equal(live(...tabs.tabs), 1)
})

/** A leader that is behind its follower: it got the lock before another tab answered. */
async function leaderBehind (t: Test): Promise<{ tabs: FakeTabs<FakeSource>, behind: Opened, ahead: Opened, later: () => Promise<void> }> {
  const time = new FakeTime(t)
  const tabs = tabsOf(t)
  const [leader, ahead] = await follow(tabs, 2) as [Opened, Opened]
  send(leader, 1, 2, 3)
  await tabs.settle()
  await tabs.in(ahead, () => ahead.page.left())
  const behind = tabs.open({ lastEventId: '1' })
  await tabs.kill(leader)
  await tabs.settle()
  t.equal(source(behind).from, '1')
  await tabs.in(ahead, () => ahead.page.returned())
  await tabs.settle()
  const later = async (): Promise<void> => {
    await tabs.settle()
    time.pass(250)
    await tabs.settle()
  }
  return { tabs, behind, ahead, later }
}

t.test('a follower that is ahead of a new leader receives no event twice', async (t) => {
  const { behind, ahead, later } = await leaderBehind(t)
  begin(behind, '1')
  send(behind, 2, 3, 4)
  await later()
  t.strictSame(heard(ahead), ['1', '2', '3', '4'])
  t.strictSame(heard(behind), ['2', '3', '4'])
  t.equal(live(behind, ahead), 1)
})

t.test('a follower reads for itself if its last event was replaced and never reaches the leader', async (t) => {
  const { tabs, behind, ahead, later } = await leaderBehind(t)
  begin(behind, '1')
  send(behind, 2, 5)
  await later()
  t.equal(source(ahead).from, '3')
  begin(ahead, '3')
  send(ahead, 5)
  t.strictSame(heard(ahead), ['1', '2', '3', '5'])
  t.equal(tabs.tabs.length, 3)
})

t.test('a follower resumes from its own last event if a leader behind it ends before it has caught up', async (t) => {
  const { tabs, behind, ahead } = await leaderBehind(t)
  begin(behind, '1')
  send(behind, 2)
  await tabs.settle()
  t.equal(ahead.connection.lastEventId, '3', 'the follower keeps its last event ID')
  await tabs.kill(behind)
  await tabs.settle()
  t.equal(source(ahead).from, '3')
})

t.test('an ephemeral event that arrives after the leader has caught up reaches the follower', async (t) => {
  const { tabs, behind, ahead, later } = await leaderBehind(t)
  begin(behind, '1')
  send(behind, 2, 3)
  await later()
  source(behind).event('typing', 'ephemeral', '3')
  source(behind).event('typing', 'another', '3')
  send(behind, 4)
  await tabs.settle()
  t.strictSame(heard(ahead), ['1', '2', '3', 'ephemeral', 'another', '4'])
})

t.test('events that share the ID of the previous event reach all tabs in order', async (t) => {
  const tabs = tabsOf(t)
  const [leader, next] = await follow(tabs, 2) as [Opened, Opened]
  send(leader, 1)
  source(leader).event('typing', 'a', '1')
  source(leader).event('typing', 'b', '1')
  send(leader, 2)
  await tabs.settle()
  for (const tab of [leader, next]) t.strictSame(heard(tab), ['1', 'a', 'b', '2'])
})

t.test('a tab that begins with an ID unknown to the leader reads alone until it leads', async (t) => {
  const tabs = tabsOf(t)
  const [leader] = await follow(tabs, 1) as [Opened]
  send(leader, 1)
  const stranger = tabs.open({ lastEventId: 'unknown' })
  await tabs.settle()
  t.equal(source(stranger).from, 'unknown')
  begin(stranger, 'unknown')
  send(stranger, 7)
  send(leader, 2)
  await tabs.settle()
  t.strictSame(heard(stranger), ['7'])
  t.strictSame(heard(leader), ['1', '2'])
  await tabs.kill(leader)
  await tabs.settle()
  t.strictSame([source(stranger).from, live(stranger)], ['7', 1])
})

t.test('a tab with a last event ID does not follow a leader without one', async (t) => {
  const tabs = tabsOf(t)
  const [leader, away] = await follow(tabs, 2) as [Opened, Opened]
  send(leader, 1)
  await tabs.settle()
  await tabs.in(away, () => away.page.left())
  const fresh = tabs.open()
  await tabs.kill(leader)
  await tabs.settle()
  t.equal(source(fresh).from, '')
  await tabs.in(away, () => away.page.returned())
  await tabs.settle()
  // The stream of this leader begins with the next event, whenever it opens.
  begin(fresh, '3')
  await tabs.settle()
  t.equal(away.sources.at(-1)?.from, '1', 'the tab reads alone, since it would lose events 2 and 3')
})

t.test('a tab without a last event ID begins with the next event and adopts the last event ID of the leader', async (t) => {
  const tabs = tabsOf(t)
  const [leader] = await follow(tabs, 1) as [Opened]
  send(leader, 1)
  const fresh = tabs.open()
  await tabs.settle()
  t.strictSame([heard(fresh), fresh.connection.lastEventId, fresh.turns.at(-1)?.state], [[], '1', 'open'])
  await tabs.kill(leader)
  await tabs.settle()
  t.equal(source(fresh).from, '1')
})

t.test('a tab that greets twice during a change of leader receives the missed events once', async (t) => {
  const tabs = tabsOf(t)
  const [leader, next] = await follow(tabs, 2) as [Opened, Opened]
  send(leader, 1, 2)
  await tabs.kill(leader)
  await tabs.grant()
  const late = tabs.open({ lastEventId: '0' })
  // `next` leads before it has read the greeting of `late`, which greets again when it learns of the new leader.
  while (next.sources.length === 0) await tabs.deliver(next)
  while (tabs.addressees.includes(late)) await tabs.deliver(late)
  await tabs.settle()
  t.strictSame(heard(late), ['1', '2'])
})

t.test('a tab that no leader answers within connectTimeout reads alone', async (t) => {
  const tabs = tabsOf(t)
  const [leader] = await follow(tabs, 1) as [Opened]
  const time = new FakeTime(t)
  const waiting = tabs.open({ connectTimeout: 5000 })
  time.pass(4999)
  t.equal(waiting.sources.length, 0)
  time.pass(1)
  t.equal(waiting.sources.length, 1)
  begin(waiting, '0')
  t.equal(waiting.turns.at(-1)?.state, 'open')
  t.equal(live(leader, waiting), 2)
  time.pass(1000)
  await tabs.settle()
  t.equal(live(leader, waiting), 1, 'the tab follows once a late answer arrives')
  send(leader, 1)
  await tabs.settle()
  t.strictSame(heard(waiting), ['1'])
})

t.test('a tab that reads for itself follows again, even if no further event arrives', async (t) => {
  const tabs = tabsOf(t)
  const time = new FakeTime(t)
  const [leader] = await follow(tabs, 1) as [Opened]
  send(leader, 1, 2, 3)
  const stranger = tabs.open({ lastEventId: 'from a snapshot' })
  await tabs.settle()
  begin(stranger, 'from a snapshot')
  send(stranger, 2, 3)
  await tabs.settle()
  t.equal(live(leader, stranger), 2)
  time.pass(1000)
  await tabs.settle()
  t.equal(live(leader, stranger), 1)
  send(leader, 4)
  await tabs.settle()
  t.strictSame(heard(stranger), ['2', '3', '4'])
})

t.test('a follower that checks on its leader misses no event meanwhile', async (t) => {
  const tabs = tabsOf(t)
  const time = new FakeTime(t)
  const [leader, follower] = [tabs.open({ connectTimeout: 5000 }), tabs.open({ connectTimeout: 5000 })] as [Opened, Opened]
  await tabs.settle()
  begin(leader, '0')
  await tabs.settle()
  time.pass(5000)
  source(leader).event('typing', 'ephemeral', '0')
  await tabs.settle()
  t.strictSame(heard(follower), ['ephemeral'])
})

t.test('a follower of a silent leader keeps following as long as the leader answers', async (t) => {
  const tabs = tabsOf(t)
  const time = new FakeTime(t)
  const [leader, follower] = [tabs.open({ connectTimeout: 5000 }), tabs.open({ connectTimeout: 5000 })]
  await tabs.settle()
  for (let quiet = 0; quiet < 4; quiet++) {
    time.pass(5000)
    await tabs.settle()
  }
  t.strictSame([leader.sources.length, follower.sources.length], [1, 0])
  time.pass(10_000)
  t.equal(follower.sources.length, 1, 'a leader that does not answer is abandoned')
})

for (const end of [{ state: 'closed', reason: 'final', closeReason: 'ended' }, { state: 'closed', reason: 'gone', httpStatus: 401 }] as const) {
  t.test(`the end of the stream (${end.reason}) closes the streams of all tabs`, async (t) => {
    const tabs = tabsOf(t)
    const [leader, ...others] = await follow(tabs, 3) as [Opened, Opened, Opened]
    send(leader, 1)
    source(leader).turn(end)
    await tabs.settle()
    for (const tab of [leader, ...others]) t.strictSame(tab.turns.at(-1), end)
    t.strictSame([live(...tabs.tabs), tabs.canGrant, others.flatMap(({ sources }) => sources)], [0, false, []])
  })
}

t.test('the end of the stream also closes the stream of a tab that was about to follow', async (t) => {
  const tabs = tabsOf(t)
  const [leader] = await follow(tabs, 1) as [Opened]
  const late = tabs.open()
  source(leader).turn({ state: 'closed', reason: 'gone', httpStatus: 401 })
  await tabs.settle()
  t.strictSame([late.turns.at(-1), late.sources], [{ state: 'closed', reason: 'gone', httpStatus: 401 }, []])
})

t.test('reconnect with an unknown ID, called by a listener during the missed events, makes the tab read alone', async (t) => {
  const tabs = tabsOf(t)
  const [leader] = await follow(tabs, 1) as [Opened]
  send(leader, 1, 2, 3)
  let isGone = false
  const leaving: Opened = tabs.open({
    lastEventId: '0',
    told () {
      if (isGone) return
      isGone = true
      leaving.connection.reconnect('unknown')
    }
  })
  await tabs.settle()
  t.strictSame([heard(leaving), source(leaving).from], [['1'], 'unknown'])
  t.equal(leaving.turns.some(({ state }) => state === 'open'), false, 'the tab does not adopt the status of the leader')
})

t.test('close of a follower ends only this follower, and it never leads', async (t) => {
  const tabs = tabsOf(t)
  const [leader, closed, third] = await follow(tabs, 3) as [Opened, Opened, Opened]
  await tabs.in(closed, () => closed.connection.close())
  send(leader, 1)
  await tabs.kill(leader)
  await tabs.settle()
  t.strictSame([closed.turns.at(-1), closed.sources, heard(closed)], [{ state: 'closed', reason: 'closed' }, [], []])
  t.strictSame([closed.isWatched(), third.isWatched()], [false, true], 'the closed follower no longer watches its page')
  t.strictSame([heard(third), source(third).from], [['1'], '1'])
})

t.test('close is final if an event listener calls it, even during the missed events', async (t) => {
  const tabs = tabsOf(t)
  const [leader] = await follow(tabs, 1) as [Opened]
  send(leader, 1, 2, 3)
  const closing: Opened = tabs.open({ lastEventId: '0', told: () => closing.connection.close() })
  await tabs.settle()
  t.strictSame(heard(closing), ['1'])
  t.strictSame(closing.turns.at(-1), { state: 'closed', reason: 'closed' })
})

t.test('close is final if a status listener calls it while the tab begins to read', async (t) => {
  for (const role of ['leader', 'alone'] as const) {
    await t.test(role, async (t) => {
      const tabs = tabsOf(t)
      const [leader] = await follow(tabs, 1) as [Opened]
      const closing: Opened = tabs.open({
        turned ({ state }) { if (state === 'connecting') closing.connection.close() }
      })
      await tabs.settle()
      if (role === 'alone') await tabs.in(closing, () => closing.connection.reconnect('7'))
      else await tabs.kill(leader)
      await tabs.settle()
      t.strictSame(closing.turns.at(-1), { state: 'closed', reason: 'closed' })
      t.equal(live(closing), 0)
    })
  }
})

t.test('reconnect of a follower makes the leader reconnect', async (t) => {
  const tabs = tabsOf(t)
  const [leader, follower] = await follow(tabs, 2) as [Opened, Opened]
  await tabs.in(follower, () => follower.connection.reconnect())
  await tabs.settle()
  t.strictSame([source(leader).reconnects, follower.sources], [[undefined], []])
})

t.test('retryNow makes the leader attempt at once, whichever tab calls it', async (t) => {
  const tabs = tabsOf(t)
  const [leader, follower] = await follow(tabs, 2) as [Opened, Opened]
  for (const [times, tab] of [leader, follower].entries()) {
    await tabs.in(tab, () => tab.connection.retryNow())
    await tabs.settle()
    t.equal(source(leader).hastened, times + 1)
  }
  t.strictSame(follower.sources, [])
})

t.test('reconnect with an ID repeats the events after it, from the leader if the leader knows the ID', async (t) => {
  const tabs = tabsOf(t)
  const [leader, follower] = await follow(tabs, 2) as [Opened, Opened]
  send(leader, 1, 2, 3)
  await tabs.settle()
  await tabs.in(follower, () => follower.connection.reconnect('1'))
  t.strictSame([source(follower).from, follower.connection.lastEventId], ['1', '1'], 'the tab reads for itself immediately')
  await tabs.settle()
  t.strictSame(heard(follower), ['1', '2', '3', '2', '3'])
  t.strictSame([live(leader, follower), source(leader).reconnects], [1, []])
  send(leader, 4)
  await tabs.settle()
  t.strictSame([heard(leader), heard(follower)], [['1', '2', '3', '4'], ['1', '2', '3', '2', '3', '4']])
})

t.test('reconnect with an ID repeats the events after it to a tab that was ahead of its leader', async (t) => {
  const { tabs, behind, ahead } = await leaderBehind(t)
  await tabs.in(ahead, () => ahead.connection.reconnect('1'))
  await tabs.settle()
  begin(behind, '1')
  send(behind, 2, 3)
  await tabs.settle()
  t.strictSame(heard(ahead), ['1', '2', '3', '2', '3'])
})

t.test('reconnect with an ID unknown to the leader repeats the events after it from a source of the tab itself', async (t) => {
  const { tabs, ahead } = await leaderBehind(t)
  await tabs.in(ahead, () => ahead.connection.reconnect('0'))
  await tabs.settle()
  begin(ahead, '0')
  send(ahead, 1, 2, 3)
  t.strictSame(heard(ahead), ['1', '2', '3', '1', '2', '3'])
})

t.test('reconnect has no effect after close and while the page is left', async (t) => {
  const tabs = tabsOf(t)
  const [leader, follower] = await follow(tabs, 2) as [Opened, Opened]
  await tabs.in(follower, () => follower.page.left())
  t.doesNotThrow(() => follower.connection.reconnect())
  follower.connection.close()
  t.doesNotThrow(() => follower.connection.reconnect('7'))
  await tabs.settle()
  t.strictSame([live(leader), live(follower), source(leader).reconnects], [1, 0, []])
})

t.test('a leader whose page is left hands over, and follows after the page is returned to', async (t) => {
  const tabs = tabsOf(t)
  const [leader, next] = await follow(tabs, 2) as [Opened, Opened]
  send(leader, 1)
  await tabs.in(leader, () => leader.page.left())
  t.strictSame(leader.turns.at(-1), { state: 'waiting', reason: 'left', retryAt: null })
  await tabs.settle()
  begin(next, '1')
  send(next, 2)
  await tabs.settle()
  await tabs.in(leader, () => leader.page.returned())
  await tabs.settle()
  send(next, 3)
  await tabs.settle()
  t.strictSame([heard(leader), heard(next)], [['1', '2', '3'], ['1', '2', '3']])
  t.equal(leader.turns.at(-1)?.state, 'open')
  t.equal(live(leader, next), 1)
})

t.test('a tab whose lock request the browser rejects reads alone immediately', async (t) => {
  const tabs = tabsOf(t)
  Object.defineProperty(globalThis, 'navigator', {
    configurable: true, value: { locks: { request: () => Promise.reject(new DOMException('an opaque origin', 'SecurityError')) } }
  })
  const tab = tabs.open()
  await tabs.settle()
  t.equal(live(tab), 1)
})

t.test('tabs share a channel only if their `share` keys are equal', async (t) => {
  const tabs = tabsOf(t)
  const opened = [true, 'user:7', 'user:8', 'user:7', true, 'true'].map((share) => tabs.open({ share: share as true | string }))
  await tabs.settle()
  t.strictSame(tabs.names, [
    'fastify-typed-sse 1 http://localhost/events false',
    'fastify-typed-sse 1 http://localhost/events false user:7',
    'fastify-typed-sse 1 http://localhost/events false user:8',
    'fastify-typed-sse 1 http://localhost/events false true'
  ])
  t.equal(opened.length, 6)
})

t.test('messages of other code on the channel of a stream are ignored', async (t) => {
  const tabs = tabsOf(t)
  const failures: unknown[] = []
  const fail = (error: unknown): void => { failures.push(error) }
  process.on('uncaughtException', fail)
  t.teardown(() => process.off('uncaughtException', fail))
  const strangers = [null, undefined, 0, 'lead', [], {}, { kind: 'sing' }, { kind: 'hello' }, { kind: 'welcome' }, { kind: 'event' }, { kind: 'status' }, { kind: 'echo' }]
  const saySomething = async (): Promise<void> => {
    for (const stranger of strangers) tabs.say(tabs.names[0]!, stranger)
    await tabs.settle()
  }
  const leader = tabs.open()
  await saySomething()
  begin(leader, '0')
  const follower = tabs.open()
  await saySomething()
  send(leader, 1)
  await tabs.settle()
  await saySomething()
  send(leader, 2)
  await tabs.settle()
  t.strictSame(failures, [])
  t.strictSame([heard(leader), heard(follower)], [['1', '2'], ['1', '2']])
  t.equal(live(...tabs.tabs), 1)
})
