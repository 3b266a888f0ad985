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

t.test('gives all that came after an ID, from the start on', async (t) => {
  const [a, b, c] = [event('a'), event('b'), event('c')]
  const recent = recentOf('start', a, b, c)
  t.strictSame(recent.after('start'), [a, b, c])
  t.strictSame(recent.after('a'), [b, c])
  t.strictSame(recent.after('c'), [])
  t.equal(recent.after('d'), undefined)
  t.equal(recent.after(''), undefined)
})

t.test('its last event ID is the start until an event came', async (t) => {
  const recent = recentOf('start')
  t.equal(recent.lastEventId, 'start')
  t.strictSame(recent.after('start'), [])
  recent.add(event('a'))
  t.equal(recent.lastEventId, 'a')
})

t.test('events that share the ID of the one before come to nobody who knows that ID', async (t) => {
  const [a, b, c] = [event('a'), event('a', 'ephemeral'), event('c')]
  t.strictSame(recentOf('', a, b, c).after('a'), [c])
})

t.test('of an ID that came twice the later one counts', async (t) => {
  const events = [event('a', '1'), event('b', '2'), event('a', '3'), event('c', '4')]
  t.strictSame(recentOf('', ...events).after('a'), events.slice(3))
})

t.test('five hundred events are kept, and the ID before them', async (t) => {
  const recent = recentOf('start', ...numbered(600))
  t.equal(recent.after('99')?.length, 500)
  t.equal(recent.after('100')?.length, 499)
  t.equal(recent.after('98'), undefined)
  t.equal(recent.after('start'), undefined)
})

t.test('a million characters are kept at most, but always the newest event', async (t) => {
  const large = 'x'.repeat(400_000)
  const recent = recentOf('start', event('a', large), event('b', large), event('c', large))
  t.equal(recent.after('start'), undefined)
  t.equal(recent.after('a')?.length, 2)
  recent.add(event('d', large.repeat(5)))
  t.equal(recent.after('c')?.length, 1)
  t.equal(recent.after('b'), undefined)
  recent.add(event('e', ''))
  t.equal(recent.after('d')?.length, 1, 'which leaves with the next one')
  t.equal(recent.after('c'), undefined)
  recent.add(event('f', large))
  recent.add(event('g', large))
  t.equal(recent.after('d')?.length, 3, 'and takes its characters along')
})

t.test('a leader that knows where a tab is brings it what it lacks, without what it has read by itself since it asked', async (t) => {
  const [a, b, c] = [event('a'), event('b'), event('c')]
  const welcome: Welcome = { kind: 'welcome', tab: '', term: '', status: { state: 'open' }, lastEventId: 'c', since: 'start', missed: [a, b, c] }
  t.strictSame(recentOf('start').lacks(welcome), [a, b, c])
  t.strictSame(recentOf('start', a, b).lacks(welcome), [c])
  t.strictSame(recentOf('start', a, b, c).lacks(welcome), [])
  t.equal(recentOf('start', a, b, c, event('d')).lacks(welcome), undefined, 'it may have come further than the leader')
  t.equal(recentOf('start', event('x')).lacks(welcome), undefined, 'or elsewhere')
  t.equal(recentOf('start').lacks({ ...welcome, missed: undefined }), undefined)
})

t.test('a tab is ahead of a leader that is where it has been', async (t) => {
  const [a, b] = [event('a'), event('b')]
  const welcome: Welcome = { kind: 'welcome', tab: '', term: '', status: { state: 'open' }, lastEventId: 'a', since: 'b', missed: undefined }
  t.equal(recentOf('start', a, b).isAheadOf(welcome), true)
  t.equal(recentOf('start', a).isAheadOf(welcome), false)
  t.equal(recentOf('start', b).isAheadOf(welcome), false)
  t.equal(recentOf('', a, b).isAheadOf({ ...welcome, lastEventId: '' }), false, 'a leader that has seen nothing begins anywhere')
})
