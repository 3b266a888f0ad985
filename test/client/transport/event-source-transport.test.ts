import t from 'tap'
import type { AttemptListener, AttemptOptions } from '../../../client/connection/attempt.ts'
import { openEventSource } from '../../../client/transport/event-source-transport.ts'

type Handler = (event: object) => void

/** The part of the browser's EventSource that the transport uses, controlled by the test. */
class FakeEventSource {
  static readonly CLOSED = 2
  static last: FakeEventSource
  readyState = 1
  onerror: Handler = () => {}
  readonly #listeners = new Map<string, Handler>()

  constructor () { FakeEventSource.last = this }

  addEventListener (type: string, handler: Handler): void { this.#listeners.set(type, handler) }
  give (type: string, data: string, lastEventId: string): void { this.#listeners.get(type)!({ data, lastEventId }) }
  close (): void { this.readyState = FakeEventSource.CLOSED }

  giveUp (): void {
    this.close()
    this.onerror({})
  }
}

for (const [title, events, resumeQuery, instead] of [
  ['before its first event is replaced by fetch from its initial event ID', [], '?lastEventId=5', 1],
  ['after its first event is reported as lost', ['6', '7'], '?lastEventId=5', 0],
  ['without a last event ID is reported as lost', [], '', 0]
] as const) {
  t.test(`an EventSource refused with status 400 ${title}`, async (t) => {
    const { fetch, EventSource } = globalThis
    t.teardown(() => Object.assign(globalThis, { fetch, EventSource }))
    Object.assign(globalThis, { EventSource: FakeEventSource, fetch: async () => new Response('', { status: 400 }) })
    const told: string[] = []
    const opened: AttemptOptions[] = []
    const answered = new Promise<unknown>((resolve) => {
      const listener = { event: ({ lastEventId }: { lastEventId: string }) => told.push(lastEventId), lost: resolve } as unknown as AttemptListener
      const options = { url: 'http://localhost/events', resumeQuery, lastEventId: resumeQuery === '' ? '' : '5', types: ['message'] }
      const attempt = openEventSource(options, false, (options) => {
        opened.push(options)
        resolve(undefined)
        return { seesComments: true, listenTo () {}, close () {} }
      }, listener)
      t.teardown(() => attempt.close())
    })
    for (const id of events) FakeEventSource.last.give('message', 'x', id)
    FakeEventSource.last.giveUp()
    const verdict = await answered
    t.equal(opened.length, instead)
    t.match(verdict, instead === 1 ? undefined : { httpStatus: 400 })
    t.strictSame(told, events)
  })
}
