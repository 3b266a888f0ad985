import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { parseEvents, RawReader, turn, until, type RawAnswer } from '../flows/raw-reader.ts'
import { requestOf, start, type Unhurt } from './server.ts'
import { tries } from '../support/tries.ts'

/** Ends the open streams, in order of arrival, until a connection has all expected responses. */
async function endAll ({ opened }: Unhurt, reader: RawReader, answers: number): Promise<void> {
  let ended = 0
  while (reader.answers.length < answers || !reader.answers.at(-1)!.complete) {
    if (reader.closed) throw new Error(`closed after ${reader.answers.length} answers of ${answers}`)
    for (; ended < opened.length; ended++) opened[ended]!.close()
    await turn()
  }
}

t.test('ten streams requested in one packet are answered in order, each with every event broadcast since its request', async (t) => {
  const server = await start(t)
  const { app, port, opened } = server
  const reader = (await RawReader.connect(t, port)).ask(...Array.from({ length: 10 }, () => 'GET /events'))
  await until(() => app.sse.count() === 10)
  for (let n = 0; n < 10; n++) {
    await app.sse.broadcast('message', `${n}`)
    await reader.sees(({ answers }) => answers[n]?.body.endsWith(`data: ${n}\n\n`) === true)
    opened[n]!.close()
  }
  await reader.sees(({ answers }) => answers.length === 10 && answers[9]!.complete)
  for (const [n, { status, body }] of reader.answers.entries()) {
    t.equal(status, 200)
    t.strictSame(parseEvents(body).slice(1).map(({ data }) => data), Array.from({ length: n + 1 }, (_, i) => `${i}`))
  }
  t.notOk(reader.closed, 'the connection is still open')
  await server.servesOthers(t)
})

t.test('a connection answers any other request after a stream on it has ended cleanly', async (t) => {
  const server = await start(t)
  const { port, opened } = server
  const reader = await RawReader.connect(t, port)
  const requests: Array<[request: string, status: number]> = [
    ['GET /plain', 200], ['HEAD /plain', 200], ['GET /events', 200], ['GET /nothing', 404], ['GET /events\naccept: text/html', 406],
    ['OPTIONS /events\norigin: https://a.test\naccess-control-request-method: GET', 204], ['GET /events?lastEventId=sse.final', 204], ['GET /events\nlast-event-id: x', 200]
  ]
  for (const [n, [request]] of requests.entries()) {
    const before = opened.length
    await reader.ask('GET /events').sees(({ answers }) => answers[2 * n]?.body.includes('sse.open') === true)
    opened.at(-1)!.close()
    await reader.sees(({ answers }) => answers[2 * n]!.complete)
    await reader.ask(request).sees(({ answers }) => answers[2 * n + 1]?.complete === true || answers[2 * n + 1]?.body.includes('sse.open') === true)
    if (opened.length > before + 1) opened.at(-1)!.close()
    await reader.sees(({ answers }) => answers[2 * n + 1]!.complete)
  }
  t.strictSame(reader.answers.map(({ status }) => status), requests.flatMap(([, status]) => [200, status]))
  await server.servesOthers(t)
})

t.test('a request that arrives during a stream is answered after the stream, which loses no event', async (t) => {
  const server = await start(t)
  const { app, port, opened } = server
  const reader = await (await RawReader.connect(t, port)).ask('GET /events').seesEvents('sse.open')
  for (let n = 0; n < 5; n++) {
    reader.ask('GET /plain')
    await app.sse.broadcast('message', `${n}`)
  }
  await reader.seesEvents(undefined, 5)
  t.equal(reader.answers.length, 1)
  opened[0]!.close()
  await reader.sees(({ answers }) => answers.length === 6 && answers[5]!.complete)
  t.strictSame(reader.answers.slice(1).map(({ body }) => body), Array(5).fill('plain'))
  await server.servesOthers(t)
})

for (const keep of ['', '\nconnection: keep-alive']) {
  t.test(`HTTP/1.0 ${keep === '' ? 'without' : 'with'} keep-alive gets its stream without chunks, and the end of the connection ends the stream`, async (t) => {
    const server = await start(t)
    const { app, port, opened } = server
    const reader = (await RawReader.connect(t, port)).ask(`GET /events HTTP/1.0${keep}`)
    // No further request may follow without keep-alive.
    if (keep !== '') reader.ask('GET /plain HTTP/1.0')
    await reader.seesEvents('sse.open')
    await app.sse.broadcast('message', 'live')
    await reader.seesEvents(undefined)
    opened[0]!.close()
    await reader.seesClose()
    const [{ status, headers, body, complete }, ...more] = reader.answers as [RawAnswer, ...RawAnswer[]]
    t.strictSame([status, headers['transfer-encoding'], headers.connection, complete, more], [200, undefined, ['close'], true, []])
    t.match(body, /^retry: \d+\nid: \S+\nevent: sse\.open\ndata: .*\n\nid: \S+\ndata: live\n\n$/)
    await server.servesOthers(t)
  })
}

t.test('a request that arrives byte by byte is answered like a whole one', async (t) => {
  const server = await start(t)
  const { app, port } = server
  const { id } = await app.sse.broadcast('message', 'first')
  await app.sse.broadcast('message', 'second')
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  const reader = new RawReader(socket)
  for (const byte of requestOf('GET /events?a=1 HTTP/1.1', 'host: localhost', `Last-Event-ID: ${id}`, 'accept: text/event-stream')) {
    socket.write(Buffer.of(byte))
    await turn()
  }
  await reader.seesEvents(undefined)
  t.strictSame(reader.events.map(({ event, data }) => event ?? data), ['sse.open', 'second'])
  socket.destroy()
  await server.servesOthers(t)
})

t.test('a reader that leaves in the middle of its request never becomes a subscriber', async (t) => {
  const server = await start(t)
  const whole = requestOf('GET /events HTTP/1.1', 'host: localhost', 'accept: text/event-stream')
  for (const length of [1, 5, 12, 30, whole.length - 2, whole.length - 1]) {
    const reader = await RawReader.connect(t, server.port)
    reader.socket.write(whole.subarray(0, length))
    await turn()
    reader.socket.end()
    await reader.seesClose()
    t.ok(reader.answers.every(({ status }) => status === 400), `nothing or a 400 after ${length} bytes`)
  }
  t.strictSame(server.opened, [])
  await server.servesOthers(t)
})

t.test('a reader that leaves while Node does not read its connection is noticed at the next write', async (t) => {
  const server = await start(t)
  const { app, port, closes } = server
  const reader = await (await RawReader.connect(t, port)).ask('GET /events', 'GET /events').seesEvents('sse.open')
  await until(() => app.sse.count() === 2)
  // More than Node buffers for pipelined responses: with the next request it stops reading the connection.
  await app.sse.broadcast('message', 'x'.repeat(100_000))
  await reader.ask('GET /plain').seesEvents(undefined)
  reader.socket.destroy()
  while (app.sse.count() > 0) {
    await app.sse.broadcast('message', 'anything')
    await turn()
  }
  t.strictSame(closes, ['reader', 'reader'])
  await server.servesOthers(t)
})

const garbage: Array<[title: string, bytes: Buffer]> = [
  ['NULs', Buffer.alloc(100)],
  ['a TLS ClientHello', Buffer.from('160301020001000001fc0303', 'hex')],
  ['a request with a broken header', requestOf('GET /plain HTTP/1.1', 'host: localhost', 'a b: c')],
  ['a request line of 100 kB', Buffer.from(`GET /${'x'.repeat(100_000)} HTTP/1.1\r\n`)],
  ['CONNECT', requestOf('CONNECT a:1 HTTP/1.1', 'host: localhost')]
]
for (const [title, bytes] of garbage) {
  t.test(`a reader that sends ${title} during its stream loses its connection, and no other reader does`, async (t) => {
    const server = await start(t)
    const { app, port, closes } = server
    const other = await (await RawReader.connect(t, port)).ask('GET /events').seesEvents('sse.open')
    const reader = await (await RawReader.connect(t, port)).ask('GET /events').seesEvents('sse.open')
    reader.socket.write(bytes)
    await reader.seesClose()
    await until(() => app.sse.count() === 1)
    t.strictSame(closes, ['reader'])
    await app.sse.broadcast('message', 'live')
    await other.seesEvents(undefined)
    other.socket.destroy()
    await server.servesOthers(t)
  })
}

const kinds: Array<[request: string, status: number, body: RegExp]> = [
  ['GET /plain', 200, /^plain$/],
  ['GET /events', 200, /^retry: \d+\nid: \S+\nevent: sse\.open\n/],
  ['GET /events?lastEventId=x', 200, /^retry: \d+\nevent: sse\.open\n.*\n\n(id: \S+\n)event: sse\.gap\n/],
  ['HEAD /events', 200, /^$/],
  ['GET /events?lastEventId=sse.final', 204, /^$/],
  ['GET /events\naccept: image/*', 406, /NOT_ACCEPTABLE/],
  ['GET /nothing', 404, /not found/],
  ['OPTIONS /events\norigin: https://a.test\naccess-control-request-method: GET', 204, /^$/]
]

// A failure prints its seed and the shortest sequence.
t.test('any sequence of requests, split at any byte, is answered in order and completely', async (t) => {
  const server = await start(t)
  const scenario = fc.record({ picks: fc.array(fc.nat(kinds.length - 1), { minLength: 1, maxLength: 10 }), cuts: fc.array(fc.nat(1000), { maxLength: 5 }) })
  await fc.assert(fc.asyncProperty(scenario, async ({ picks, cuts }) => {
    server.opened.length = 0
    await play(server, picks.map((pick) => kinds[pick]!), cuts)
    await until(() => server.app.sse.count() === 0)
  }), tries(60))
  await server.servesOthers(t)
})

async function play (server: Unhurt, asked: typeof kinds, cuts: readonly number[]): Promise<void> {
  // `ask` writes one packet, which is captured here and written in pieces.
  const torn = connect({ port: server.port, host: '127.0.0.1', noDelay: true })
  await once(torn, 'connect')
  const write = torn.write.bind(torn) as (bytes: Buffer) => boolean
  let packet = Buffer.alloc(0)
  torn.write = (text: unknown) => {
    packet = Buffer.concat([packet, Buffer.from(text as string)])
    return true
  }
  const reader = new RawReader(torn).ask(...asked.map(([request]) => request))
  const places = [0, ...cuts.map((cut) => cut % packet.length).sort((a, b) => a - b), packet.length]
  for (const [n, place] of places.slice(1).entries()) {
    if (place > places[n]!) write(packet.subarray(places[n], place))
    await turn()
  }
  await endAll(server, reader, asked.length)
  assert.deepEqual(reader.answers.map(({ status }) => status), asked.map(([, status]) => status))
  for (const [n, { body }] of reader.answers.entries()) assert.match(body, asked[n]![2])
  torn.destroy()
}

t.test('pipelined streams that wait for their turn hold one write each, and get the rest when it comes', async (t) => {
  const server = await start(t)
  const { app, port, opened } = server
  const reader = (await RawReader.connect(t, port)).ask(...Array.from({ length: 17 }, () => 'GET /events'))
  await until(() => app.sse.count() === 17)
  await app.sse.broadcast('message', '0')
  await until(() => opened.every(({ lag }) => lag === 0))
  for (let n = 1; n < 1000; n++) {
    await app.sse.broadcast('message', `${n}`)
    await turn()
  }
  await until(() => opened[0]!.lag === 0)
  t.strictSame(opened.map(({ lag }) => lag), [0, ...Array(16).fill(999)], 'only the first event is in their first write')
  opened[0]!.close()
  await reader.sees(({ answers }) => answers[1]?.body.endsWith('data: 999\n\n') === true)
  t.strictSame(parseEvents(reader.answers[1]!.body).slice(1).map(({ data }) => Number(data)), Array.from({ length: 1000 }, (_, n) => n))
  reader.socket.destroy()
  await server.servesOthers(t)
})

t.test('a connection serves any number of pipelined streams, as long as no more than 16 wait at a time', async (t) => {
  const server = await start(t)
  const { app, port, opened } = server
  const reader = (await RawReader.connect(t, port)).ask(...Array.from({ length: 16 }, () => 'GET /events'))
  for (let n = 0; n < 40; n++) {
    await until(() => app.sse.count() === 16)
    opened[n]!.close()
    await reader.sees(({ answers }) => answers[n]?.complete === true)
    reader.ask('GET /events')
  }
  t.notOk(reader.closed)
  reader.socket.destroy()
  await server.servesOthers(t)
})

t.test('a connection with 2,000 pipelined streams is cut and leaves no subscriber behind', async (t) => {
  const server = await start(t)
  const { app, port, opened } = server
  const reader = (await RawReader.connect(t, port)).ask(...Array.from({ length: 2000 }, () => 'GET /events'))
  await until(() => reader.closed)
  await until(() => app.sse.count() === 0)
  t.ok(opened.length <= 17, `${opened.length} opened`)
  t.equal(app.sse.stats().closes.overload, 1)
  await server.servesOthers(t)
})
