import t from 'tap'
import { openStalled, openStream, start } from './journey.ts'
import { parseEvents, RawReader, turn, until } from './raw-reader.ts'

// `history: false`: an event is held until every subscriber has it, and no longer.

const FILL = 'x'.repeat(100_000)

t.test('with `history: false` a slow reader within the bounds loses no event, and events have no id', async (t) => {
  const journey = await start(t, { history: false, maxBacklogBytes: 100_000 })
  const { app, port, opened, errors } = journey
  const slow = await openStalled(t, journey)
  const healthy = await openStream(t, port)
  const texts = Array.from({ length: 20 }, (_, n) => `${n} ${FILL}`)
  for (const text of texts) {
    await app.sse.broadcast('message', text)
    await app.sse.broadcast('message', 'also')
  }
  await healthy.seesEvents(undefined, 40)
  t.ok(opened[0]!.lag >= 20, `${opened[0]!.lag} wait`)
  t.equal(app.sse.lastEventId, null)
  slow.socket.resume()
  await slow.sees(({ events }) => events.filter(({ data }) => data === 'also').length === 20)
  t.strictSame(slow.events.map(({ data }) => data).filter((data) => data.endsWith(FILL) && data.includes(' ')), texts)
  t.ok([...slow.events, ...healthy.events].every(({ id }) => id === undefined))
  t.notMatch(healthy.answers[0]!.body, /^id/m)
  t.strictSame([app.sse.stats().gaps.slow, opened.map(({ lag }) => lag), errors], [0, [0, 0], []])
})

t.test('with `history: false`', async (t) => {
  t.test('a reader too slow for the default bounds gets a gap without an id and goes on', async (t) => {
    const journey = await start(t, { history: false, maxBacklogBytes: 0 })
    const { app, port, opened, errors } = journey
    const slow = await openStalled(t, journey)
    const healthy = await openStream(t, port)
    // 20 MB: more than the default 16 MiB.
    for (let n = 0; n < 200; n++) {
      await app.sse.broadcast('message', `${n} ${FILL}`)
      await turn()
      await healthy.sees(({ packets: { length } }) => length > n)
      if (opened[0]!.lag * FILL.length > 17 * 1024 * 1024) t.fail('more is held than the bounds allow', { lag: opened[0]!.lag })
    }
    await until(() => opened[1]!.lag === 0)
    slow.socket.resume()
    await until(() => opened[0]!.lag === 0)
    await app.sse.broadcast('message', 'the last')
    await slow.sees(({ bytes }) => bytes.subarray(-100).includes('the last'))
    const events = parseEvents(slow.answers[0]!.body)
    const gaps = events.filter(({ event }) => event === 'sse.gap')
    t.strictSame(gaps.map(({ id, data }) => [id, JSON.parse(data)]), [[undefined, { reason: 'slow' }]])
    t.equal(events.at(-1)!.data, 'the last')
    const numbers = events.slice(events.indexOf(gaps[0]!) + 1, -1).map(({ data }) => Number.parseInt(data))
    t.strictSame(numbers, Array.from({ length: numbers.length }, (_, n) => 200 - numbers.length + n), 'every event after the gap, in order')
    t.strictSame([app.sse.stats().gaps.slow, errors], [1, []])
  })

  t.test('an event that every reader has is not replayed to a later one, whatever its last event ID', async (t) => {
    const { app, port, opened } = await start(t, { history: false, subscribe: () => ({ from: 'oldest' }) })
    const first = await openStream(t, port)
    for (let n = 0; n < 50; n++) await app.sse.broadcast('message', `${n}`)
    await first.seesEvents(undefined, 50)
    await until(() => opened[0]!.lag === 0)
    const later = await (await RawReader.connect(t, port)).ask('GET /events\nlast-event-id: abcdefghij.7').seesEvents('sse.open')
    await app.sse.broadcast('message', 'live')
    await later.seesEvents(undefined)
    t.strictSame(later.events.filter(({ event }) => event === undefined).map(({ data }) => data), ['live'])
    t.notMatch(later.answers[0]!.body, /^id/m)
    t.notMatch(later.answers[0]!.body, 'abcdefghij')
  })
})
