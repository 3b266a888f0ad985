import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createFanOut } from '../support/fan-out.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

t.test('a batch stops at its limit, even if a longer batch was built before', async (t) => {
  const { view: viewOf, subscribe, publish } = createFanOut()
  const view = viewOf()
  subscribe()
  for (const data of ['a', 'b', 'c']) publish(data)
  t.equal(view.batch(0, 3, false).next, 3)
  t.match(view.batch(0, 2, false), { next: 2, events: 2 })
})

t.test('a batch reaches the head, even if a shorter batch was built before', async (t) => {
  const { view: viewOf, subscribe, publish, log } = createFanOut()
  const view = viewOf()
  subscribe()
  publish('a')
  t.equal(view.batch(0, log.head, false).next, 1)
  publish('b')
  t.equal(view.batch(0, log.head, false).next, 2)
})

t.test('a replay shares no batch with live subscribers', async (t) => {
  const { view: viewOf, subscribe, publish } = createFanOut()
  const view = viewOf()
  subscribe()
  publish('e', { ephemeral: true })
  publish('k')
  t.equal(view.batch(0, 2, false).events, 2)
  t.equal(view.batch(0, 2, true).events, 1)
  t.equal(view.batch(0, 2, false), view.batch(0, 2, false))
})

t.test('a shared batch contains no evicted or replaced entry', async (t) => {
  const { view: viewOf, subscribe, publish, log } = createFanOut({ maxEvents: 1 })
  const view = viewOf()
  subscribe()
  for (const data of ['a', 'b', 'c']) publish(data, { key: data })
  t.equal(view.batch(0, 3, false).events, 3)
  log.trim(2, 0)
  t.equal(view.batch(0, 3, false).events, 1, 'the evicted entries are gone, although the head has not moved')
  publish('d', { key: 'c' })
  t.equal(view.batch(0, 3, false).events, 0)
})

t.test('the shared batches of 20 views take at most 8 MiB', async (t) => {
  const { views, publish, settled } = createFanOut()
  for (let i = 0; i < 64; i++) publish('x'.repeat(40_000))
  await settled()
  const chunks = []
  for (let i = 0; i < 20; i++) {
    const view = views.acquire(['*', String(i)])
    views.acquire(['*', String(i)])
    for (let cursor = 0; cursor < 64; cursor++) chunks.push(new WeakRef(view.batch(cursor, cursor + 1, false).chunk))
  }
  await new Promise((resolve) => setTimeout(resolve, 10))
  collectGarbage()
  const held = chunks.map((chunk) => chunk.deref()?.unframed.length ?? 0).reduce((sum, length) => sum + length, 0)
  t.equal(views.size, 20, 'the views still exist')
  t.ok(held > 0 && held <= 8 * 1024 * 1024, `${held} bytes`)
})

t.test('a chunk contains equal bytes with and without its framing, in one allocation', async (t) => {
  const { view, publish } = createFanOut()
  const everybody = view()
  publish('é')
  const { chunk: { framed, unframed: plain } } = everybody.batch(0, 1, false)
  t.equal(framed.toString(), `${plain.length.toString(16)}\r\n${plain.toString()}\r\n`)
  t.equal(plain.buffer, framed.buffer, 'both forms share one ArrayBuffer')
})

t.test('a gap event names the oldest event that the reader can still receive, and its ID resumes before that event', async (t) => {
  const { views, publish, log, subscribe, settled } = createFanOut({ maxEvents: 3 })
  subscribe()
  for (const channel of ['*', '*', '*', 'b', 'a']) publish(channel, { channels: [channel] })
  publish('last')
  await settled()
  const gap = views.acquire(['a']).gap(3, 'evicted', 'from.before')
  t.equal(gap, `id: ${log.idBefore(3)}\nevent: sse.gap\ndata: ${JSON.stringify({
    reason: 'evicted', lastEventId: 'from.before', oldestEventId: log.idBefore(5)
  })}\n\n`)
})
