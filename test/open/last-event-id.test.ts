import t from 'tap'
import { lastEventIdOf } from '../../lib/open/last-event-id.ts'

const ids: Array<[claim: string, headers: Record<string, string>, url: string, id: string | undefined]> = [
  ['a request without an ID has none', {}, '/events', undefined],
  ['the header may contain the ID', { 'last-event-id': 'e.1' }, '/events', 'e.1'],
  ['the query may contain the ID', {}, '/events?a=b&lastEventId=e.1', 'e.1'],
  ['the header takes precedence over the query', { 'last-event-id': 'e.1' }, '/events?lastEventId=e.2', 'e.1'],
  ['an empty header counts as absent', { 'last-event-id': '' }, '/events?lastEventId=e.2', 'e.2'],
  ['an empty parameter in the query counts as absent', {}, '/events?lastEventId=', undefined],
  ['a header in UTF-8 is decoded as UTF-8', { 'last-event-id': Buffer.from('é😀').toString('latin1') }, '/events', 'é😀'],
  ['the query is percent-decoded', {}, '/events?lastEventId=%C3%A9%20%2B', 'é +'],
  ['a broken escape in the query does not throw', {}, '/events?lastEventId=%E0%A4%A', '\uFFFD%A']
]

for (const [claim, headers, url, id] of ids) {
  t.test(claim, async (t) => {
    t.equal(lastEventIdOf(headers, url), id)
  })
}
