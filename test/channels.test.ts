import t from 'tap'
import { createFanOut } from './support/fan-out.ts'

t.test('a run stops at its limit, also where a longer one was built for others', async (t) => {
  const { view, publish } = createFanOut()
  for (const data of ['a', 'b', 'c']) publish(data)
  t.equal(view.run(0, 3).next, 3)
  t.match(view.run(0, 2), { next: 2, events: 2 })
})

t.test('a run reaches the head, also where a shorter one was built before', async (t) => {
  const { view, publish } = createFanOut()
  publish('a')
  t.equal(view.run(0, view.head).next, 1)
  publish('b')
  t.equal(view.run(0, view.head).next, 2)
})

t.test('a chunk holds the same bytes with and without its frame', async (t) => {
  const { view, publish } = createFanOut()
  publish('é')
  const { chunk: { framed, plain } } = view.run(0, 1)
  t.equal(framed.toString(), `${plain.length.toString(16)}\r\n${plain.toString()}\r\n`)
  t.equal(plain.buffer, framed.buffer, 'in one allocation')
})

t.test('a gap names the oldest event that is left, and resumes just before it', async (t) => {
  const { view, publish, log, settled } = createFanOut({ maxEvents: 2 })
  for (const data of ['a', 'b', 'c']) publish(data)
  await settled()
  const gap = view.gap(1, 'evicted', 'from.before')
  t.equal(gap, `id: ${log.idBefore(1)}\nevent: sse.gap\ndata: ${JSON.stringify({
    reason: 'evicted', lastEventId: 'from.before', oldestEventId: log.idAt(1)
  })}\n\n`)
})
