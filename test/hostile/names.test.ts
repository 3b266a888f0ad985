import t from 'tap'
import { RawReader, until } from '../flows/raw-reader.ts'
import { start } from './server.ts'

// Readers do not learn which other subscribers and channels exist.

const SECRETS = ['room:hunter2', 'staff:hunter2', 'hunter2']

t.test('a stream, including its head, holds no name of a channel, no id of a subscriber and no event ID that another reader sent', async (t) => {
  const { app, port, opened, closes, logged } = await start(t, {
    history: { maxEvents: 5 },
    subscribe: () => ({ channels: ['room:hunter2', 'staff:hunter2'], context: { name: 'hunter2' } })
  })
  const open = async (...headers: string[]): Promise<RawReader> => (await RawReader.connect(t, port)).ask(['GET /events', ...headers].join('\n')).seesEvents('sse.open')
  const first = await open()
  const beginning = app.sse.lastEventId!
  for (let n = 0; n < 20; n++) await app.sse.broadcast('message', `${n}`, { channels: ['room:hunter2', 'staff:hunter2'] })
  await app.sse.channel('staff:hunter2').broadcast('message', 'ephemeral', { ephemeral: true })
  const evicted = await open(`last-event-id: ${beginning}`)
  const foreign = await open('last-event-id: theirs@zzzzzzzzzz.77')
  const other = await open()
  const readers = [first, evicted, foreign, other]
  await opened[1]!.stream('message', async function * () { yield 'streamed'; throw new Error('hunter2') }, { end: false }).catch(() => {})
  await opened[2]!.send('message', 'to one alone')
  opened[3]!.leave('room:hunter2')
  opened[3]!.join('room:hunter2')
  await app.sse.broadcast('message', 'the last', { channels: 'staff:hunter2' })
  for (const reader of readers) await reader.sees(({ events }) => events.some(({ data }) => data === 'the last'))
  t.ok([evicted, foreign].every(({ events }) => events.some(({ event }) => event === 'sse.gap')), 'both got a gap')

  await app.sse.channel('staff:hunter2').disconnect((subscriber) => subscriber === opened[0], { final: true })
  opened[1]!.close()
  await until(() => closes.length >= 2)
  void app.close()
  await Promise.all(readers.map((reader) => reader.seesClose()))
  t.strictSame([...closes].sort().slice(0, 2), ['ended', 'revoked'])

  for (const [n, reader] of readers.entries()) {
    const text = reader.bytes.toString('latin1')
    for (const secret of SECRETS) t.notOk(text.includes(secret), secret)
    for (const { id } of opened) t.notOk(text.includes(String(id)), `the id of a subscriber: ${id}`)
    if (reader !== foreign) t.notOk(/theirs|zzzzzzzzzz/.test(text), `stream ${n} holds the event ID that another reader sent`)
  }
  t.ok(logged.length <= 1, 'only the source that threw is logged')
})

t.test('a response that refuses a stream holds no name of a channel', async (t) => {
  const { app, port, logged } = await start(t, { maxChannelsPerSubscriber: 1, subscribe: () => ({ channels: ['room:hunter2', 'staff:hunter2'] }) })
  const reader = await RawReader.connect(t, port)
  await reader.ask('GET /events').sees(({ answers: [answer] }) => answer?.complete === true)
  t.equal(reader.answers[0]!.status, 500)
  t.notMatch(reader.bytes.toString('latin1'), 'hunter2')
  t.equal(app.sse.count(), 0)
  t.equal(logged.length, 1)
})
