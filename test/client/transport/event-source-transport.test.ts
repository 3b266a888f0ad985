import t, { type Test } from 'tap'
import type { Attempt, AttemptListener, AttemptOptions } from '../../../client/connection/attempt.ts'
import { connect } from '../../../client/index.ts'
import { diagnose } from '../../../client/lazy-modules.ts'
import { openEventSource } from '../../../client/transport/event-source-transport.ts'
import { FakeTime } from '../fake-time.ts'

type Handler = (event: object) => void

/** The part of the browser's EventSource that the transport uses, controlled by the test. */
class FakeEventSource {
  static readonly CLOSED = 2
  static last: FakeEventSource
  readyState = 1
  onopen: Handler = () => {}
  onerror: Handler = () => {}
  readonly #listeners = new Map<string, Handler>()

  constructor () { FakeEventSource.last = this }

  addEventListener (type: string, handler: Handler): void { this.#listeners.set(type, handler) }
  give (type: string, data?: string, lastEventId = ''): void { this.#listeners.get(type)!({ data, lastEventId }) }
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
      const attempt = openEventSource(options, false, diagnose, (options) => {
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

/** Opens a stream with the fake EventSource. @returns The calls of its listener, by name. */
function open (t: Test, fetch: typeof globalThis.fetch): { told: string[], attempt: Attempt } {
  const { fetch: realFetch, EventSource } = globalThis
  t.teardown(() => Object.assign(globalThis, { fetch: realFetch, EventSource }))
  Object.assign(globalThis, { EventSource: FakeEventSource, fetch })
  const told: string[] = []
  const listener = new Proxy({}, { get: (_, name) => () => told.push(String(name)) }) as AttemptListener
  const attempt = openEventSource({ url: 'http://localhost/events', resumeQuery: '', lastEventId: '', types: ['message'] }, false, diagnose, () => { throw new Error('no other transport') }, listener)
  t.teardown(() => attempt.close())
  return { told, attempt }
}

t.test('`connect` reads by EventSource where there is one', async (t) => {
  const { EventSource } = globalThis
  t.teardown(() => Object.assign(globalThis, { EventSource }))
  Object.assign(globalThis, { EventSource: FakeEventSource })
  const stream = connect('http://localhost/events')
  t.teardown(() => stream.close())
  stream.on('message', () => {})
  const turned = new Promise((resolve) => stream.onStatus(resolve))
  FakeEventSource.last.onopen({})
  FakeEventSource.last.give('message', '1')
  t.match(await turned, { state: 'open' })
})

const unreachable = async (): Promise<Response> => { throw new TypeError('unreachable') }

t.test('an EventSource that reconnects by itself is reported as such', async (t) => {
  const { told } = open(t, unreachable)
  FakeEventSource.last.onopen({})
  FakeEventSource.last.readyState = 0
  FakeEventSource.last.onerror({})
  t.strictSame(told, ['opened', 'retrying'])
})

t.test('events of the server with the types open and error say nothing about the connection', async (t) => {
  const { told } = open(t, unreachable)
  FakeEventSource.last.onopen({ data: 'x' })
  FakeEventSource.last.onerror({ data: 'x' })
  t.strictSame(told, [])
})

t.test('an event of a listened type without data is not of the server', async (t) => {
  const { told } = open(t, unreachable)
  FakeEventSource.last.give('message')
  t.strictSame(told, [])
})

t.test('nothing is reported after close, neither an event nor the reason of a loss', async (t) => {
  let asked = (): void => {}
  const asking = new Promise<void>((resolve) => { asked = resolve })
  let answer = (_: Response): void => {}
  const { told, attempt } = open(t, () => new Promise((resolve) => {
    answer = resolve
    asked()
  }))
  FakeEventSource.last.giveUp()
  await asking
  attempt.close()
  answer(new Response('', { status: 503 }))
  FakeEventSource.last.give('message', 'x', '1')
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(told, [])
})

t.test('a page that is left within a moment of a loss asks for no reason', async (t) => {
  const time = new FakeTime(t)
  const { told, attempt } = open(t, async () => {
    t.fail('it asked')
    return new Response()
  })
  FakeEventSource.last.giveUp()
  attempt.close()
  time.pass(1000)
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(told, [])
})

t.test('a server that does not answer the question for the reason counts as unreachable', async (t) => {
  const time = new FakeTime(t)
  let asked = (): void => {}
  const asking = new Promise<void>((resolve) => { asked = resolve })
  const { told } = open(t, () => new Promise(() => asked()))
  FakeEventSource.last.giveUp()
  time.pass(100)
  await asking
  time.pass(4999)
  t.strictSame(told, [])
  time.pass(1)
  t.strictSame(told, ['lost'])
})

t.test('a question for the reason that fails leaves the loss without one', async (t) => {
  const { told } = open(t, unreachable)
  FakeEventSource.last.giveUp()
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  t.strictSame(told, ['lost'])
})
