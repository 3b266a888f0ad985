import { Type } from '@sinclair/typebox'
import t from 'tap'
import { defineEvents } from '../../plugin.ts'
import { until } from '../flows/raw-reader.ts'
import { ask, isPlain, start } from './server.ts'
import { TwoOpinions } from './two-opinions.ts'

const MIB = 1024 * 1024
const TEN_MB = 10 * MIB
const TOO_LARGE = { code: 'FST_SSE_PAYLOAD_TOO_LARGE' }

const events = defineEvents({ message: Type.String(), json: Type.Unknown() })
const x = (length: number): string => 'x'.repeat(length)

t.test('`maxPayloadBytes`', async (t) => {
  const limit = 60
  /** Payloads whose data has exactly the maximum size, each with a larger one. */
  const exact: Array<[title: string, type: 'message' | 'json', payload: unknown, more: unknown]> = [
    ['ASCII', 'message', x(60), x(61)],
    ['characters of two bytes', 'message', 'é'.repeat(30), `${'é'.repeat(30)}x`],
    ['characters of three bytes', 'message', '\u20ac'.repeat(20), `${'\u20ac'.repeat(20)}x`],
    ['characters of four bytes', 'message', '😀'.repeat(15), `${'😀'.repeat(15)}x`],
    ['lone surrogates of three bytes', 'message', '\uD800'.repeat(20), '\uD800'.repeat(21)],
    ['line ends as given', 'message', '\r\n'.repeat(30), '\r\n'.repeat(31)],
    ['a JSON string with its quotes', 'json', x(58), x(59)],
    ['JSON with escapes', 'json', '\n'.repeat(29), '\n'.repeat(30)],
    ['an object', 'json', { a: x(52) }, { a: x(53) }],
    ['an array', 'json', Array(28).fill(1).concat(10), Array(29).fill(1).concat(10)]
  ]
  const { app, opened, port } = await start(t, { events, maxPayloadBytes: limit })
  const reader = await TwoOpinions.open(t, port)
  for (const [title, type, payload, more] of exact) {
    t.test(`accepts ${title} up to exactly that size and rejects more`, async (t) => {
      const expected = type === 'json' ? JSON.stringify(payload) : Buffer.from(payload as string).toString().replaceAll('\r\n', '\n')
      await t.rejects(app.sse.broadcast(type, more), TOO_LARGE)
      await t.rejects(opened[0]!.send(type, more), TOO_LARGE)
      await app.sse.broadcast(type, payload)
      await opened[0]!.send(type, payload)
      t.strictSame([(await reader.next()).data, (await reader.next()).data], [expected, expected])
    })
  }

  t.test('of 0 accepts the empty string alone', async (t) => {
    const { app, port } = await start(t, { events, maxPayloadBytes: 0 })
    const reader = await TwoOpinions.open(t, port)
    await t.rejects(app.sse.broadcast('message', 'x'), TOO_LARGE)
    await t.rejects(app.sse.broadcast('json', ''), TOO_LARGE)
    await app.sse.broadcast('message', '')
    t.equal((await reader.next()).data, '')
  })

  t.test('is 1 MiB by default and is named in the error', async (t) => {
    const { app, port } = await start(t, { events })
    const reader = await TwoOpinions.open(t, port)
    await t.rejects(app.sse.broadcast('message', x(MIB + 1)), { ...TOO_LARGE, message: /takes 1048577 bytes; "maxPayloadBytes" allows 1048576/ })
    await app.sse.broadcast('message', x(MIB))
    t.equal((await reader.next()).data.length, MIB)
  })
})

t.test('payloads of 10 MB', async (t) => {
  t.test('are rejected by default, whatever their form, and not delivered', async (t) => {
    const server = await start(t, { events })
    const { app, opened, logged, port } = server
    const reader = await TwoOpinions.open(t, port)
    const payloads: Array<['message' | 'json', unknown]> = [
      ['message', x(TEN_MB)], ['message', '\n'.repeat(TEN_MB)], ['json', { a: x(TEN_MB) }], ['json', Array(2_000_000).fill(null)], ['json', Array(3_000_000)]
    ]
    for (const [type, payload] of payloads) {
      await t.rejects(app.sse.broadcast(type, payload), TOO_LARGE)
      await t.rejects(opened[0]!.send(type, payload), TOO_LARGE)
    }
    await app.sse.broadcast('message', 'next')
    t.equal((await reader.next()).data, 'next')
    t.ok(JSON.stringify(logged.splice(0)).length < 50_000, 'the payloads are not in the log')
    reader.leave()
    await server.servesOthers(t)
  })

  t.test('arrive whole with `maxPayloadBytes: Infinity`: broadcast, sent, streamed and replayed', async (t) => {
    const server = await start(t, { events, maxPayloadBytes: Infinity })
    const { app, opened, port } = server
    const readers = [await TwoOpinions.open(t, port), await TwoOpinions.open(t, port)]
    const { lastEventId } = app.sse
    const large = `${x(TEN_MB / 2)}\n\u20ac${x(TEN_MB / 2)}`
    await app.sse.broadcast('message', large)
    await opened[0]!.send('json', { large })
    await opened[0]!.stream('message', async function * () { yield large }, { end: false })
    await app.sse.broadcast('message', 'next')
    for (const reader of readers) t.ok((await reader.next()).data === large, 'broadcast')
    t.ok(JSON.parse((await readers[0]!.next()).data).large === large, 'sent')
    t.ok((await readers[0]!.next()).data === large, 'streamed')
    for (const reader of readers) t.equal((await reader.next()).data, 'next')
    const late = await TwoOpinions.open(t, port, `/events?lastEventId=${lastEventId}`)
    t.ok((await late.next()).data === large, 'replayed')
    t.equal((await late.next()).data, 'next')
    for (const reader of [...readers, late]) reader.leave()
    await server.servesOthers(t)
  })
})

t.test('`history.maxBytes` accepts an event that exactly fits with its id and its name, and rejects one byte more', async (t) => {
  const maxBytes = 1000
  const { app, port } = await start(t, { history: { maxBytes } })
  const reader = await TwoOpinions.open(t, port)
  for (const [event, id] of [['message', 'i'], ['message', 'i'.repeat(256)], [x(300), 'i'], ['é'.repeat(100), 'i i']] as const) {
    // A position counts with its longest form.
    const overhead = Buffer.byteLength(`id: ${id}@abcdefghij.9007199254740991\n${event === 'message' ? '' : `event: ${event}\n`}data: \n\n`)
    await t.rejects(app.sse.broadcast(event, x(maxBytes - overhead + 1), { id }), { ...TOO_LARGE, message: /"history\.maxBytes"/ })
    await app.sse.broadcast(event, x(maxBytes - overhead), { id })
    t.equal((await reader.next()).data.length, maxBytes - overhead)
  }
  // The bytes that line ends add on the wire count as well.
  await t.rejects(app.sse.broadcast('message', '\n'.repeat(200)), TOO_LARGE)
  await app.sse.broadcast('message', '\n'.repeat(100))
  t.equal((await reader.next()).data, '\n'.repeat(100))
})

t.test('the name of a channel has 1 to 256 characters in every call', async (t) => {
  const longest = x(256)
  const server = await start(t, { subscribe: () => ({ channels: [longest] }) })
  const { app, opened, port } = server
  const reader = await TwoOpinions.open(t, port)
  const code = { code: 'FST_SSE_CHANNEL_INVALID' }
  for (const name of ['', x(257), '😀'.repeat(129)]) {
    await t.rejects(app.sse.broadcast('message', 'x', { channels: [longest, name] }), code)
    await t.rejects(app.sse.broadcast('message', 'x', { channels: name }), code)
    t.throws(() => app.sse.channel(name), code)
    t.throws(() => opened[0]!.join(name), code)
  }
  opened[0]!.join('😀'.repeat(128))
  await app.sse.broadcast('message', '1', { channels: longest })
  await app.sse.channel('😀'.repeat(128)).broadcast('message', '2')
  t.strictSame([(await reader.next()).data, (await reader.next()).data], ['1', '2'])
})

t.test('`maxChannelsPerSubscriber`', async (t) => {
  for (const limit of [0, 1, 100]) {
    t.test(`of ${limit} allows a subscriber exactly that many channels`, async (t) => {
      const names = Array.from({ length: limit + 1 }, (_, n) => `c${n}`)
      let channels = names
      const server = await start(t, { maxChannelsPerSubscriber: limit, subscribe: () => ({ channels }) })
      const { app, opened, port } = server
      const refusal = await ask(t, port, 'GET /events HTTP/1.1', 'host: localhost')
      t.equal(refusal.status, 500)
      isPlain(t, refusal)
      t.equal(JSON.parse(refusal.body).code, 'FST_SSE_CHANNELS_EXCEEDED')
      t.equal(server.logged.splice(0).length, 1)
      channels = names.slice(0, limit)
      const reader = await TwoOpinions.open(t, port)
      t.throws(() => opened[0]!.join('another'), { code: 'FST_SSE_CHANNELS_EXCEEDED' })
      t.strictSame([...opened[0]!.channels].sort(), [...channels].sort())
      // A channel that the subscriber hears already does not count again; a channel that it leaves makes room.
      for (const name of channels) opened[0]!.join(name)
      if (limit > 0) {
        opened[0]!.leave('c0')
        opened[0]!.join('another')
        await app.sse.broadcast('message', 'x', { channels: ['c0', 'another'] })
        t.equal((await reader.next()).data, 'x')
      }
      reader.leave()
      await until(() => app.sse.count() === 0)
      t.strictSame([app.sse.stats().channels, app.sse.stats().views, server.logged], [0, 0, []])
    })
  }
})
