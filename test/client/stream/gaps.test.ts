import t, { type Test } from 'tap'
import { EventStream } from '../../../client/stream/event-stream.ts'
import { readOptions } from '../../../client/stream/options.ts'
import { FakeSource } from '../fake-source.ts'
import { FakeTime } from '../fake-time.ts'

const GAP = JSON.stringify({ reason: 'evicted' })

/** A page that shows one number, and loads its snapshot from a server that the test controls. */
class Page {
  readonly source: FakeSource
  readonly stream: EventStream
  readonly errors: unknown[] = []
  readonly reasons: string[] = []
  readonly off: () => void
  shown: unknown
  answer: (value: unknown, lastEventId: string | null | undefined) => Promise<void> = async () => {}
  fail: (error: unknown) => Promise<void> = async () => {}

  constructor () {
    let source!: FakeSource
    this.stream = new EventStream(readOptions('http://localhost/events', { onError: (error) => this.errors.push(error) }), (listener) => {
      source = new FakeSource(listener)
      return source
    })
    this.source = source
    this.stream.on('order', (value) => { this.shown = value })
    this.off = this.stream.onGap(async ({ reason }) => {
      this.reasons.push(reason)
      const { value, lastEventId } = await new Promise<{ value: unknown, lastEventId: unknown }>((resolve, reject) => {
        this.answer = async (value, lastEventId) => {
          resolve({ value, lastEventId })
          await settled()
        }
        this.fail = async (error) => {
          reject(error)
          await settled()
        }
      })
      this.shown = value
      return lastEventId as string | null
    })
  }

  get loads (): number { return this.reasons.length }

  async gap (): Promise<void> {
    this.source.event('sse.gap', GAP, '4')
    await settled()
  }
}

/** Resolves after one turn of the event loop. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Advances the time and lets waiting promises continue. */
async function pass (time: FakeTime, milliseconds: number): Promise<void> {
  time.pass(milliseconds)
  await settled()
}

function longestWaits (t: Test): void {
  const { random } = Math
  Math.random = () => 1
  t.teardown(() => { Math.random = random })
}

t.test('an event that arrives while the snapshot is loading arrives again after the snapshot is shown', async (t) => {
  const page = new Page()
  await page.gap()
  page.source.event('order', '6', '6')
  t.equal(page.shown, 6)
  await page.answer(5, '5')
  t.equal(page.shown, 5, 'the snapshot is older than event 6')
  t.strictSame(page.source.reconnects, ['5'], 'the stream goes on from the snapshot, so that event 6 comes again')
  t.strictSame([page.reasons, page.errors], [['evicted'], []])
})

t.test('a gap that arrives while the snapshot is loading starts no second load', async (t) => {
  const page = new Page()
  await page.gap()
  await page.gap()
  t.equal(page.loads, 1)
  await page.answer(5, '5')
  t.strictSame(page.source.reconnects, ['5'])
})

t.test('a failed load is reported and repeated, with the waits between two connections, until it succeeds', async (t) => {
  const time = new FakeTime(t)
  longestWaits(t)
  const page = new Page()
  await page.gap()
  for (const wait of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    const { loads } = page
    await page.fail(new Error('503'))
    await pass(time, wait - 1)
    t.equal(page.loads, loads, `not before ${wait} ms`)
    await pass(time, 1)
    t.equal(page.loads, loads + 1, `after ${wait} ms`)
  }
  await page.answer(5, '5')
  t.strictSame(page.source.reconnects, ['5'])
  t.equal(page.errors.length, 7)
})

t.test('consecutive gaps, as from two servers with separate histories, load with the waits of failed loads', async (t) => {
  const time = new FakeTime(t)
  longestWaits(t)
  const page = new Page()
  for (const wait of [0, 1000, 2000, 4000]) {
    const { loads } = page
    await page.gap()
    if (wait > 0) {
      await pass(time, wait - 1)
      t.equal(page.loads, loads, `not before ${wait} ms`)
      await pass(time, 1)
    }
    t.equal(page.loads, loads + 1, `after ${wait} ms`)
    await page.answer(5, '5')
  }
  await pass(time, 10_000)
  await page.gap()
  t.equal(page.loads, 5, 'a gap after ten seconds without one loads immediately')
})

t.test('a load that returns no position is reported and does not move the stream', async (t) => {
  const page = new Page()
  await page.gap()
  await page.answer(5, undefined)
  t.match(page.errors, [{ name: 'TypeError', message: /lastEventId/ }])
  t.strictSame(page.source.reconnects, [])
  page.stream.close()
})

t.test('a load that returns null, as from a server without history, does not move the stream', async (t) => {
  const page = new Page()
  await page.gap()
  await page.answer(5, null)
  t.strictSame([page.shown, page.source.reconnects], [5, []])
  page.stream.reconnect(null)
  t.strictSame(page.source.reconnects, [''], '`reconnect(null)` resumes with the next event')
})

t.test('a second `onGap` throws until the first is removed', async (t) => {
  const page = new Page()
  t.throws(() => page.stream.onGap(async () => null), { name: 'TypeError', message: /onGap/ })
  page.off()
  t.doesNotThrow(() => page.stream.onGap(async () => null))
})

for (const [title, end] of [
  ['that was removed', (page: Page) => page.off()],
  ['of a stream that was closed', (page: Page) => page.stream.close()]
] as const) {
  t.test(`a load ${title} is not repeated`, async (t) => {
    const time = new FakeTime(t)
    longestWaits(t)
    const page = new Page()
    await page.gap()
    await page.fail(new Error('503'))
    end(page)
    await pass(time, 60_000)
    await page.gap()
    t.equal(page.loads, 1)
  })
}

t.test('a load that was removed while it ran does not move the stream when it succeeds', async (t) => {
  const page = new Page()
  await page.gap()
  page.off()
  await page.answer(5, 'abcdefghij.7')
  t.strictSame([page.shown, page.source.reconnects], [5, []])
})
