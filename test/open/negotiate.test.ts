import t from 'tap'
import { acceptsEventStream } from '../../lib/open/negotiate.ts'
import { lastEventIdOf } from '../../lib/open/last-event-id.ts'

const ACCEPT: Array<[accept: string | undefined, accepted: boolean]> = [
  [undefined, true],
  ['', true],
  ['*/*', true],
  ['text/*', true],
  ['text/event-stream', true],
  ['TEXT/Event-Stream', true],
  ['text/event-stream; charset=utf-8', true],
  ['text/event-stream;q=0.1, application/json', true],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
  ['application/json', false],
  ['text/event-stream;q=0', false],
  ['*/*, text/event-stream;q=0', false],
  ['text/event-stream;q=0.0, */*;q=0', false]
]

for (const [accept, accepted] of ACCEPT) {
  t.test(`Accept: ${accept} ${accepted ? 'takes' : 'refuses'} an event stream`, async (t) => {
    t.equal(acceptsEventStream(accept), accepted)
  })
}

const ids: Array<[claim: string, headers: Record<string, string>, url: string, id: string | undefined]> = [
  ['a request that brings none has none', {}, '/events', undefined],
  ['the header brings it', { 'last-event-id': 'e.1' }, '/events', 'e.1'],
  ['the query brings it', {}, '/events?a=b&lastEventId=e.1', 'e.1'],
  ['the header wins', { 'last-event-id': 'e.1' }, '/events?lastEventId=e.2', 'e.1'],
  ['an empty header is none', { 'last-event-id': '' }, '/events?lastEventId=e.2', 'e.2'],
  ['an empty query is none', {}, '/events?lastEventId=', undefined],
  ['a header in UTF-8 is read as that', { 'last-event-id': Buffer.from('é😀').toString('latin1') }, '/events', 'é😀'],
  ['a query is decoded', {}, '/events?lastEventId=%C3%A9%20%2B', 'é +'],
  ['a broken escape in the query does not throw', {}, '/events?lastEventId=%E0%A4%A', '\uFFFD%A']
]

for (const [claim, headers, url, id] of ids) {
  t.test(claim, async (t) => {
    t.equal(lastEventIdOf(headers, url), id)
  })
}
