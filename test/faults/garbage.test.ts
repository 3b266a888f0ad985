import type { Socket } from 'node:net'
import type { FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { NumberedReader, numbered } from '../flows/numbered-reader.ts'
import { RawReader, turn, until } from '../flows/raw-reader.ts'
import { openRaw, startWatched, type Watched } from './watched.ts'

const EVENTS = 50

/** Opens readers that must not be affected. */
async function openOthers (t: Test, { app, port }: Watched): Promise<NumberedReader[]> {
  const readers = Array.from({ length: 3 }, () => new NumberedReader(port).connect())
  t.after(() => { for (const { socket } of readers) socket.destroy() })
  await until(() => app.sse.count() === readers.length)
  return readers
}

async function checkServed (t: Test, { app }: Watched, others: readonly NumberedReader[]): Promise<void> {
  for (let n = 1; n <= EVENTS; n++) await app.sse.broadcast('message', numbered(n))
  await until(() => others.every(({ last }) => last === EVENTS))
  for (const { first, count, faults, gaps, closed } of others) {
    t.strictSame({ first, count, faults, gaps, closed }, { first: 1, count: EVENTS, faults: [], gaps: [], closed: false })
  }
}

const garbage: Array<[what: string, bytes: Buffer]> = [
  ['text that is not a request', Buffer.from('this is no request\r\n\r\n')],
  ['a TLS ClientHello', Buffer.from('1603010200010001fc0303', 'hex')],
  ['bytes of every value', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
  ['an endless request line', Buffer.from(`GET /${'x'.repeat(100_000)}`)],
  ['a head with two content lengths', Buffer.from('GET /plain HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n')]
]

for (const [what, bytes] of garbage) {
  t.test(`a reader that sends ${what} during its stream is closed once, and the others are served`, async (t) => {
    const watched = await startWatched(t)
    const { app, closes, complaints } = watched
    const others = await openOthers(t, watched)
    const { reader, subscriber } = await openRaw(t, watched)
    await reader.seesEvents('sse.open')
    reader.socket.write(bytes)
    t.equal(await subscriber.closed, 'reader')
    await reader.seesClose()
    await checkServed(t, watched, others)
    t.strictSame(closes, [{ subscriber, reason: 'reader' }])
    t.equal(app.sse.count(), others.length)
    t.strictSame(complaints, [])
  })
}

t.test('a reader that sends endless requests during its stream is not read further and leaves nothing behind', async (t) => {
  const watched = await startWatched(t)
  const { app, closes, complaints } = watched
  const others = await openOthers(t, watched)
  const { reader, subscriber, socket } = await openRaw(t, watched)
  const request = Buffer.from('GET /plain HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(1000))
  let flushed = true
  while (flushed) {
    flushed = reader.socket.writableLength < 8 * 1024 * 1024
    reader.socket.write(request)
    await turn()
  }
  await checkServed(t, watched, others)
  await until(() => socket.isPaused() || subscriber.signal.aborted)
  t.equal(reader.answers.length, 1)
  t.ok(socket.bytesRead < 4 * 1024 * 1024, `${socket.bytesRead} bytes were read`)
  ;(reader.socket as Socket).resetAndDestroy()
  while (app.sse.count() > others.length) {
    await app.sse.broadcast('message', numbered(EVENTS + 1))
    await turn()
  }
  t.strictSame(closes, [{ subscriber, reason: 'reader' }])
  t.strictSame(complaints, [])
})

t.test('a reader that leaves while the body of its request is unread', async (t) => {
  const ways = [
    ['closes', (socket: Socket) => { socket.destroy() }],
    ['resets', (socket: Socket) => { socket.resetAndDestroy() }]
  ] as const
  for (const [way, leave] of ways) {
    for (const bytes of [10, 10_000_000]) {
      t.test(`is noticed immediately (it ${way} the connection after ${bytes} bytes)`, async (t) => {
        const watched = await startWatched(t, { heartbeatInterval: false })
        const { app, closes, complaints } = watched
        const { reader, subscriber, socket } = await openRaw(t, watched, 'content-length: 20000000')
        await reader.seesEvents('sse.open')
        reader.socket.write(Buffer.alloc(bytes))
        await until(() => socket.bytesRead > bytes)
        leave(reader.socket as Socket)
        await until(() => app.sse.count() === 0)
        t.strictSame(closes, [{ subscriber, reason: 'reader' }])
        t.strictSame(complaints, [])
      })
    }
  }
})

t.test('connections without a request, or with an unfinished one, end by the timeouts of the server, and others are served', async (t) => {
  const ofServer = { http: { headersTimeout: 400, connectionsCheckingInterval: 50 }, requestTimeout: 800 } as FastifyServerOptions
  const watched = await startWatched(t, {}, ofServer)
  const { app, closes, complaints, sockets } = watched
  const others = await openOthers(t, watched)
  const slow = await Promise.all(Array.from({ length: 30 }, () => RawReader.connect(t, watched.port)))
  slow.forEach(({ socket }, at) => {
    if (at % 3 === 1) socket.write('GET /ev')
    if (at % 3 === 2) socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n')
  })
  // One more header line every 50 ms.
  const timer = setInterval(() => { for (let at = 2; at < slow.length; at += 3) slow[at]!.socket.write('x: y\r\n') }, 50)
  t.after(() => clearInterval(timer))
  for (const reader of slow) reader.socket.on('error', () => {})
  await until(() => slow.every(({ closed }) => closed))
  t.ok(slow.every(({ answers }) => answers.every(({ status }) => status === 408)))
  await until(() => sockets.filter(({ destroyed }) => !destroyed).length === others.length)
  t.equal(app.sse.count(), others.length)
  t.strictSame(closes, [])
  await checkServed(t, watched, others)
  t.strictSame(complaints, [])
})
