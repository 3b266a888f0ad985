import { connect as connectHttp2 } from 'node:http2'
import type { FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { openStream, start } from './journey.ts'
import { parseEvents, RawReader, turn, until } from './raw-reader.ts'

// Options whose value is 0: a real zero, not "off" and not the default.

t.test('`idleTimeout: 0` ends a stream cleanly, right after its opening', async (t) => {
  const { app, port, closes, errors } = await start(t, { idleTimeout: 0 })
  const reader = await openStream(t, port)
  await reader.sees(({ answers }) => answers[0]!.complete)
  await until(() => app.sse.count() === 0)
  t.strictSame([closes, errors], [['idle'], []])
})

t.test('`maxLifetime: 0` ends a stream cleanly, right after its opening', async (t) => {
  const { app, port, closes, errors } = await start(t, { maxLifetime: 0 })
  const reader = await openStream(t, port)
  await reader.sees(({ answers }) => answers[0]!.complete)
  await until(() => app.sse.count() === 0)
  t.strictSame([closes, errors], [['lifetime'], []])
})

t.test('`stallTimeout: 0` cuts a reader whose socket has bytes waiting, and no other', async (t) => {
  const journey = await start(t, { stallTimeout: 0, maxPayloadBytes: Infinity })
  const reader = await openStream(t, journey.port)
  const stalled = await openStream(t, journey.port)
  stalled.socket.pause()
  for (let n = 0; journey.closes.length === 0; n++) {
    // To the stalled reader alone: no bytes may wait for the healthy one.
    void journey.opened[1]!.send('message', 'x'.repeat(500_000))
    await turn()
  }
  await journey.app.sse.broadcast('message', 'small')
  await reader.seesEvents(undefined)
  t.strictSame(journey.closes, ['stalled'])
  t.equal(journey.app.sse.count(), 1)
})

interface Seen { readonly body: () => string }

async function openHttp2 (t: Test, port: number): Promise<Seen> {
  const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
  t.after(() => session.destroy())
  let body = ''
  session.request({ ':path': '/events' }).setEncoding('utf8').on('data', (piece: string) => { body += piece }).on('error', () => {})
  await until(() => body.includes('sse.open'))
  return { body: () => body }
}

const servers: Array<[title: string, ofServer: object, open: (t: Test, port: number) => Promise<Seen>]> = [
  ['HTTP/1.1', {}, async (t, port) => {
    const reader = await openStream(t, port)
    return { body: () => reader.answers[0]!.body }
  }],
  ['HTTP/2', { http2: true, forceCloseConnections: true }, openHttp2]
]

for (const [title, ofServer, open] of servers) {
  t.test(`with \`maxBacklogBytes: 0\` a healthy reader gets every event in order over ${title}`, async (t) => {
    const { app, port, opened, closes, errors } = await start(t, { maxBacklogBytes: 0 }, { ofServer: ofServer as FastifyServerOptions })
    const reader = await open(t, port)
    const texts = Array.from({ length: 300 }, (_, n) => `${n} ${'x'.repeat(n % 7 === 0 ? 50_000 : n)}`)
    for (const [n, text] of texts.entries()) {
      await app.sse.broadcast('message', text)
      if (n % 3 === 0) await turn()
    }
    await until(() => parseEvents(reader.body()).length === texts.length + 1)
    t.strictSame(parseEvents(reader.body()).slice(1).map(({ data }) => data), texts)
    t.equal(await opened[0]!.send('message', 'to it alone'), true)
    await until(() => reader.body().includes('to it alone\n\n'))
    t.strictSame([app.sse.stats().gaps.slow, closes, errors], [0, [], []])
  })
}

t.test('with `history.maxEvents: 0` no event is replayed, and live events go on', async (t) => {
  const { app, port, errors } = await start(t, { history: { maxEvents: 0 } })
  const first = await openStream(t, port)
  const before = app.sse.lastEventId!
  for (const text of ['1', '2', '3']) await app.sse.broadcast('message', text)
  await first.seesEvents(undefined, 3)
  t.strictSame(first.events.slice(1).map(({ data }) => data), ['1', '2', '3'])
  const second = await (await RawReader.connect(t, port)).ask(`GET /events\nlast-event-id: ${before}`).seesEvents('sse.open')
  await app.sse.broadcast('message', 'live')
  await second.seesEvents(undefined)
  t.strictSame(second.events.map(({ event, data }) => event ?? data).filter((one) => one !== 'sse.open'), ['sse.gap', 'live'])
  t.strictSame(errors, [])
})

t.test('with `history.maxBytes: 0` every broadcast is refused, even an ephemeral one, and `send` goes on', async (t) => {
  const { app, port, opened } = await start(t, { history: { maxBytes: 0 } })
  const reader = await openStream(t, port)
  const refused = { code: 'FST_SSE_PAYLOAD_TOO_LARGE', message: /"history\.maxBytes"/ }
  await t.rejects(app.sse.broadcast('message', ''), refused)
  await t.rejects(app.sse.broadcast('message', '', { ephemeral: true }), refused)
  t.equal(await opened[0]!.send('message', 'to it alone'), true)
  await reader.seesEvents(undefined)
  t.strictSame(reader.events.slice(1).map(({ data }) => data), ['to it alone'])
})
