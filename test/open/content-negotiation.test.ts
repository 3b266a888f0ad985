import t from 'tap'
import { acceptsEventStream } from '../../lib/open/content-negotiation.ts'

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
  t.test(`Accept: ${accept} ${accepted ? 'accepts' : 'refuses'} an event stream`, async (t) => {
    t.equal(acceptsEventStream(accept), accepted)
  })
}
