import t from 'tap'
import type { ParsedEvent } from '../../../client/wire/event-stream-parser.ts'
import type { Welcome } from '../../../client/sharing/tab-group.ts'
import { RecentEvents } from '../../../client/sharing/recent-events.ts'

const event = (lastEventId: string, data = lastEventId): ParsedEvent => ({ type: 'order', data, lastEventId })

function recentOf (start: string, ...events: ParsedEvent[]): RecentEvents {
  const recent = new RecentEvents(start)
  for (const event of events) recent.add(event)
  return recent
}

const numbered = (count: number): ParsedEvent[] => Array.from({ length: count }, (_, number) => event(String(number)))

t.test('`after` returns the events after an ID, and undefined for an unknown ID', async (t) => {
  const [a, b, c] = [event('a'), event('b'), event('c')]
  const recent = recentOf('start', a, b, c)
  t.strictSame(recent.after('start'), [a, b, c])
  t.strictSame(recent.after('a'), [b, c])
  t.strictSame(recent.after('c'), [])
  t.equal(recent.after('d'), undefined)
  t.equal(recent.after(''), undefined)
})

t.test('the last event ID is the start ID until the first event', async (t) => {
  const recent = recentOf('start')
  t.equal(recent.lastEventId, 'start')
  t.strictSame(recent.after('start'), [])
  recent.add(event('a'))
  t.equal(recent.lastEventId, 'a')
})

t.test('`after` an ID skips further events with that ID', async (t) => {
  const [a, b, c] = [event('a'), event('a', 'ephemeral'), event('c')]
  t.strictSame(recentOf('', a, b, c).after('a'), [c])
})

t.test('`after` starts behind the later of two events with one ID', async (t) => {
  const events = [event('a', '1'), event('b', '2'), event('a', '3'), event('c', '4')]
  t.strictSame(recentOf('', ...events).after('a'), events.slice(3))
})

t.test('500 events are kept, and the ID before the oldest of them', async (t) => {
  const recent = recentOf('start', ...numbered(600))
  t.equal(recent.after('99')?.length, 500)
  t.equal(recent.after('100')?.length, 499)
  t.equal(recent.after('98'), undefined)
  t.equal(recent.after('start'), undefined)
})

t.test('at most a million characters are kept, and always the newest event', async (t) => {
  const large = 'x'.repeat(400_000)
  const recent = recentOf('start', event('a', large), event('b', large), event('c', large))
  t.equal(recent.after('start'), undefined)
  t.equal(recent.after('a')?.length, 2)
  recent.add(event('d', large.repeat(5)))
  t.equal(recent.after('c')?.length, 1)
  t.equal(recent.after('b'), undefined)
  recent.add(event('e', ''))
  t.equal(recent.after('d')?.length, 1, 'the newest event is kept')
  t.equal(recent.after('c'), undefined)
  recent.add(event('f', large))
  recent.add(event('g', large))
  t.equal(recent.after('d')?.length, 3, 'characters of dropped events no longer count')
})

t.test('`lacks` returns the missed events in a welcome, without events that the tab has read by itself since it asked', async (t) => {
  const [a, b, c] = [event('a'), event('b'), event('c')]
  const welcome: Welcome = { kind: 'welcome', tab: '', term: '', status: { state: 'open' }, lastEventId: 'c', since: 'start', missed: [a, b, c] }
  t.strictSame(recentOf('start').lacks(welcome), [a, b, c])
  t.strictSame(recentOf('start', a, b).lacks(welcome), [c])
  t.strictSame(recentOf('start', a, b, c).lacks(welcome), [])
  t.equal(recentOf('start', a, b, c, event('d')).lacks(welcome), undefined, 'the tab may be ahead of the leader')
  t.equal(recentOf('start', event('x')).lacks(welcome), undefined, 'the tab has read an event unknown to the leader')
  t.equal(recentOf('start').lacks({ ...welcome, missed: undefined }), undefined)
})

t.test('`isAheadOf` is true if the tab has passed the last event ID of the leader', async (t) => {
  const [a, b] = [event('a'), event('b')]
  const welcome: Welcome = { kind: 'welcome', tab: '', term: '', status: { state: 'open' }, lastEventId: 'a', since: 'b', missed: undefined }
  t.equal(recentOf('start', a, b).isAheadOf(welcome), true)
  t.equal(recentOf('start', a).isAheadOf(welcome), false)
  t.equal(recentOf('start', b).isAheadOf(welcome), false)
  t.equal(recentOf('', a, b).isAheadOf({ ...welcome, lastEventId: '' }), false, 'a leader without a last event ID is not behind')
})
