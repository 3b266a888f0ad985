import { connect as connectHttp2 } from 'node:http2'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t from 'tap'
import ssePlugin from '../../plugin.ts'
import { gate, listen, RawReader, turn, until } from '../flows/raw-reader.ts'
import { isPlain, requestOf, start, type Options } from './server.ts'

const KIB = 1024
const HOST = 'host: localhost'
const GET = 'GET /events HTTP/1.1'
const x = (length: number): string => 'x'.repeat(length)
const chunk = (length: number): string => `${length.toString(16)}\r\n${x(length)}\r\n`

/** Request bodies that nothing reads. */
const bodies: Array<[title: string, header: string, body: string]> = [
  ['a body of one byte', 'content-length: 1', 'x'],
  ['a body of 60 kB', `content-length: ${60 * KIB}`, x(60 * KIB)],
  ['a body beyond bodyLimit', `content-length: ${2048 * KIB}`, x(2048 * KIB)],
  ['a body in chunks', 'transfer-encoding: chunked', `${chunk(10)}${chunk(100)}0\r\n\r\n`],
  ['a body in chunks beyond bodyLimit', 'transfer-encoding: chunked', `${chunk(1024 * KIB).repeat(2)}0\r\n\r\n`],
  ['a body with trailers', 'transfer-encoding: chunked', `${chunk(10)}0\r\nlast-event-id: x\r\n\r\n`],
  ['a body that is another request', 'content-length: 38', 'GET /plain HTTP/1.1\r\nhost: localhost\r\n\r\n']
]
const endless: Array<[title: string, header: string, body: string]> = [
  ['a body that never arrives', 'content-length: 100', ''],
  ['a body that never ends', 'content-length: 1000000000', x(10 * KIB)],
  ['a large body that never ends', 'content-length: 1000000000', x(1024 * KIB)],
  ['chunks that never end', 'transfer-encoding: chunked', chunk(10 * KIB)],
  ['large chunks that never end', 'transfer-encoding: chunked', chunk(1024 * KIB)]
]

for (const [title, header, body] of [...bodies, ...endless]) {
  t.test(`a reader that sends ${title} gets its stream and is no longer counted once it leaves`, async (t) => {
    const server = await start(t, {}, { bodyLimit: 1024 * KIB })
    const { app, port, closes } = server
    const reader = await RawReader.connect(t, port)
    reader.socket.write(requestOf(GET, HOST, header, 'content-type: application/json'))
    reader.socket.write(body)
    await reader.seesEvents('sse.open')
    t.equal(reader.answers[0]!.status, 200)
    await app.sse.broadcast('message', 'live')
    await reader.seesEvents(undefined)
    t.equal(reader.answers.length, 1)
    reader.socket.destroy()
    // The server writes nothing meanwhile and must still notice that the reader left.
    await until(() => closes.length === 1)
    t.strictSame(closes, ['reader'])
    await server.servesOthers(t)
  })
}

for (const [title, header, body] of bodies) {
  t.test(`after ${title} and the end of a stream the connection serves the next request`, async (t) => {
    const server = await start(t)
    const { port, opened } = server
    const reader = await RawReader.connect(t, port)
    reader.socket.write(requestOf(GET, HOST, header))
    reader.socket.write(body)
    await reader.seesEvents('sse.open')
    opened[0]!.close()
    await reader.sees(({ answers }) => answers[0]!.complete)
    await reader.ask('GET /plain').sees(({ answers }) => answers[1]?.complete === true)
    t.equal(reader.answers[1]!.body, 'plain')
    t.equal(reader.answers.length, 2, 'the body was not parsed as a request')
    await server.servesOthers(t)
  })
}

const broken: Array<[title: string, header: string, body: string]> = [
  ['a chunk without a size', 'transfer-encoding: chunked', 'zz\r\n'],
  ['a chunk of a negative size', 'transfer-encoding: chunked', '-1\r\n'],
  ['a chunk longer than its size', 'transfer-encoding: chunked', '2\r\nxxxx\r\n'],
  ['a chunk size that overflows', 'transfer-encoding: chunked', `${'f'.repeat(40)}\r\n`],
  ['bytes after its body', 'content-length: 1', 'x\0\0\0\r\n']
]
for (const [title, header, body] of broken) {
  t.test(`a reader that sends ${title} during its stream loses its connection`, async (t) => {
    const server = await start(t)
    const { port, closes } = server
    const reader = await RawReader.connect(t, port)
    reader.socket.write(requestOf(GET, HOST, header))
    await reader.seesEvents('sse.open')
    reader.socket.write(body)
    await reader.seesClose()
    await until(() => closes.length === 1)
    t.strictSame(closes, ['reader'])
    await server.servesOthers(t)
  })
}

t.test('the body of a refused request is skipped', async (t) => {
  const server = await start(t)
  const reader = await RawReader.connect(t, server.port)
  reader.socket.write(requestOf(GET, HOST, 'accept: text/html', 'content-length: 50000'))
  reader.socket.write(x(50_000))
  await reader.ask('GET /plain').sees(({ answers }) => answers[1]?.complete === true)
  const [refusal, plain] = reader.answers
  t.equal(refusal!.status, 406)
  isPlain(t, refusal!)
  t.equal(plain!.body, 'plain')
  await server.servesOthers(t)
})

t.test('a POST whose body is too large is refused before a stream opens', async (t) => {
  const server = await start(t, { path: false }, { bodyLimit: 100 })
  const { app, port, opened } = server
  const reader = await RawReader.connect(t, port)
  reader.socket.write(requestOf('POST /plain HTTP/1.1', HOST, 'content-type: application/json', 'content-length: 101'))
  reader.socket.write(x(101))
  await reader.sees(({ answers }) => answers[0]?.complete === true)
  isPlain(t, reader.answers[0]!)
  t.strictSame([opened.length, app.sse.count()], [0, 0])
})

t.test('an unfinished body over HTTP/2 keeps no stream alive, whether the reader or the server ends it', async (t) => {
  const server = await start(t, {}, { http2: true, forceCloseConnections: true } as object)
  const { app, port, opened, closes, logged } = server
  const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
  t.after(() => session.destroy())
  for (const size of [0, 10, 60 * KIB, 1024 * KIB]) {
    for (const leave of ['reader', 'ended']) {
      const stream = session.request({ ':path': '/events' }, { endStream: false }).on('error', () => {})
      const before = opened.length
      stream.resume().write(x(size))
      await until(() => opened.length === before + 1)
      if (leave === 'reader') stream.close(8)
      else opened.at(-1)!.close()
      await until(() => closes.length === before + 1)
      t.equal(closes.at(-1), leave)
      t.equal(app.sse.count(), 0)
    }
  }
  t.strictSame(logged, [])
  session.destroy()
})

t.test('over HTTP/2 a reader that never ends its request cannot keep an ended stream open', async (t) => {
  const ends = [
    ['ended', (app: FastifyInstance) => { for (const subscriber of app.sse.subscribers()) subscriber.close() }],
    ['revoked', (app: FastifyInstance) => app.sse.disconnect(() => true, { final: true })]
  ] as const
  for (const [reason, end] of ends) {
    // The application reads the body: otherwise Node ends the request itself.
    const subscribe: Options['subscribe'] = ({ raw }) => {
      raw.resume()
      return undefined
    }
    const { app, port, closes } = await start(t, { subscribe }, { http2: true } as FastifyServerOptions)
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    t.after(() => session.destroy())
    const stream = session.request({ ':path': '/events', ':method': 'GET' }, { endStream: false }).setEncoding('utf8')
    let body = ''
    stream.on('data', (piece: string) => { body += piece })
    await until(() => body.includes('sse.open'))
    await app.sse.broadcast('message', 'x'.repeat(200 * KIB))
    await end(app)
    await until(() => closes.length === 1)
    await until(() => stream.closed)
    t.strictSame([closes, stream.rstCode, app.sse.count()], [[reason], 0, 0])
    if (reason === 'ended') t.ok(body.endsWith('x\n\n'), 'the reader has every event')
  }
})

t.test('the application can read the body of a request while its stream is open', async (t) => {
  const app = Fastify()
  const released = gate()
  await app.register(ssePlugin, { path: false })
  app.addContentTypeParser('text/plain', (_request, payload, done) => { done(null, payload) })
  app.post('/echo', async (request, reply) => {
    const subscriber = await app.sse.subscribe(reply, { channels: [] })
    await subscriber.stream('message', async function * () {
      await released.passed
      for await (const piece of request.body as AsyncIterable<Buffer>) yield piece.toString()
    })
  })
  const reader = await RawReader.connect(t, await listen(t, app))
  reader.ask('POST /echo\ncontent-type: text/plain\ncontent-length: 10')
  reader.socket.write('first')
  await reader.seesEvents('sse.open')
  for (let n = 0; n < 10; n++) await turn()
  released.open()
  await reader.seesEvents(undefined)
  reader.socket.write('later')
  await reader.seesEvents('sse.close')
  t.strictSame(reader.events.map(({ event, data }) => event ?? data), ['sse.open', 'first', 'later', 'sse.close'])
})
