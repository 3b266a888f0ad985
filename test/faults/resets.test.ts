import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { NumberedReader, numbered } from '../flows/numbered-reader.ts'
import { RawReader, turn, until } from '../flows/raw-reader.ts'
import { Program, untilSeen } from './program.ts'
import type { ServerCommands, State } from './server.ts'
import { openRaw, openSeveral, startWatched, type Watched } from './watched.ts'

const MIB = 1024 * 1024

/** Opens readers that check what they get. */
async function openNumbered (t: Test, { app, port }: Watched, fill: number, count: number): Promise<NumberedReader[]> {
  const readers = Array.from({ length: count }, () => new NumberedReader(port, fill).connect())
  t.after(() => { for (const { socket } of readers) socket.destroy() })
  await until(() => readers.every(({ opens }) => opens === 1) && app.sse.count() >= count)
  return readers
}

/** Reads so many bytes from a paused socket. */
async function take (reader: Socket, bytes: number): Promise<void> {
  for (let taken = 0; taken < bytes;) {
    const piece = reader.read() as Buffer | null
    if (piece === null) await turn()
    else taken += piece.length
  }
}

/** Makes a reader reset its connection after it has read so many bytes. */
async function resetAfter (reader: RawReader, bytes: number): Promise<void> {
  const socket = reader.socket as Socket
  socket.removeAllListeners('data')
  socket.pause()
  await take(socket, bytes)
  socket.resetAndDestroy()
}

function checkWhole (t: Test, readers: readonly NumberedReader[], last: number): void {
  for (const { first, count, faults, gaps, closed } of readers) {
    t.strictSame({ first, count, faults, gaps, closed }, { first: 1, count: last, faults: [], gaps: [], closed: false })
  }
}

t.test('a reader that resets its connection within an event of 16 MiB closes once, and the others get every event whole', async (t) => {
  const FILL = 16 * MIB
  const watched = await startWatched(t, { maxPayloadBytes: 2 * FILL, history: { maxBytes: 8 * FILL } })
  const { app, closes, complaints } = watched
  const { reader, subscriber, socket } = await openRaw(t, watched)
  let told = 0
  void subscriber.closed.then(() => { told++ })
  const others = await openNumbered(t, watched, FILL, 3)
  reader.socket.pause()
  void app.sse.broadcast('message', numbered(1, FILL))
  await resetAfter(reader, 2 * MIB)
  t.ok(socket.writableLength > MIB, `${socket.writableLength} bytes of it wait`)
  void app.sse.broadcast('message', numbered(2, FILL))
  await until(() => others.every(({ last }) => last === 2) && app.sse.count() === 3)
  await turn()
  checkWhole(t, others, 2)
  t.strictSame(closes, [{ subscriber, reason: 'reader' }])
  t.equal(await subscriber.closed, 'reader')
  t.equal(told, 1)
  t.equal(app.sse.stats().closes.reader, 1)
  t.strictSame(complaints, [])
})

t.test('ten readers that reset their connections during a replay of 32 MiB close once each, and one that stays gets all of it', async (t) => {
  const FILL = 32 * 1024
  const EVENTS = 1000
  const watched = await startWatched(t, { history: { maxBytes: 64 * MIB } })
  const { app, closes, complaints } = watched
  const beginning = app.sse.lastEventId!
  for (let n = 1; n <= EVENTS; n++) void app.sse.broadcast('message', numbered(n, FILL))
  const stays = new NumberedReader(watched.port, FILL).connect({ path: `/events?lastEventId=${beginning}` })
  t.after(() => stays.socket.destroy())
  const resets = await openSeveral(t, watched, 10, `last-event-id: ${beginning}`)
  await Promise.all(resets.map(({ reader }, at) => resetAfter(reader, (at + 1) * MIB)))
  await until(() => stays.last === EVENTS && app.sse.count() === 1)
  await turn()
  checkWhole(t, [stays], EVENTS)
  t.strictSame(closes.map(({ reason }) => reason), Array(10).fill('reader'))
  t.equal(new Set(closes.map(({ subscriber }) => subscriber)).size, 10)
  t.equal(app.sse.stats().lag, 0, 'nothing waits for the readers that left')
  t.strictSame(complaints, [])
})

for (const moment of ['just before', 'in the turn of', 'a turn after'] as const) {
  t.test(`readers that reset their connections ${moment} \`app.close()\` do not delay it and close once each`, async (t) => {
    const watched = await startWatched(t, { shutdownTimeout: Infinity, maxPayloadBytes: 16 * MIB, history: { maxBytes: 32 * MIB } })
    const { app, closes, complaints } = watched
    const idle = await openSeveral(t, watched, 5)
    const busy = await openSeveral(t, watched, 5)
    const stays = (await openRaw(t, watched)).reader
    for (const { reader } of busy) reader.socket.pause()
    await app.sse.broadcast('message', 'x'.repeat(8 * MIB))
    await until(() => busy.every(({ socket }) => socket.writableLength > MIB))
    const reset = (): void => { for (const { reader } of [...idle, ...busy]) (reader.socket as Socket).resetAndDestroy() }
    if (moment === 'just before') reset()
    const closing = app.close()
    if (moment === 'in the turn of') reset()
    if (moment === 'a turn after') await turn().then(reset)
    await closing
    await stays.seesClose()
    t.ok(stays.answers[0]!.complete)
    t.equal(closes.length, 11)
    t.equal(new Set(closes.map(({ subscriber }) => subscriber)).size, 11)
    t.ok(busy.every(({ subscriber }) => closes.some((close) => close.subscriber === subscriber && close.reason === 'reader')), 'no busy reader has read the end of its stream')
    t.ok(closes.every(({ reason }) => reason === 'reader' || reason === 'shutdown'))
    t.equal(app.sse.count(), 0)
    t.strictSame(complaints, [])
  })
}

t.test('1,000 readers that connect simultaneously and reset simultaneously leave no subscriber and no descriptor behind', async (t) => {
  const READERS = 1000
  const server = await Program.start<ServerCommands>(t, 'server.ts')
  const port = await server.call('listen', {})
  const look = (): Promise<State> => server.call('state')
  const open = (): Socket[] => Array.from({ length: READERS }, () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    t.after(() => socket.destroy())
    socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')
    return socket.resume()
  })
  const before = await look()

  for (const round of [1, 2]) {
    const readers = open()
    const { descriptors } = await untilSeen(look, ({ count }) => count === READERS)
    t.ok(descriptors >= before.descriptors + READERS)
    await server.call('publish', 10)
    for (const reader of readers) reader.resetAndDestroy()
    const after = await untilSeen(look, ({ count, descriptors }) => count === 0 && descriptors <= before.descriptors)
    t.equal(after.stats.closes.reader, round * READERS)
    t.strictSame(after.complaints, [])
  }

  // Resets during the accepts: the server has not accepted some of these connections yet.
  const readers = open()
  await untilSeen(look, ({ descriptors }) => descriptors > before.descriptors + READERS / 4)
  for (const reader of readers) reader.resetAndDestroy()
  const { closes, stats, complaints } = await untilSeen(look, ({ count, descriptors }) => count === 0 && descriptors <= before.descriptors)
  t.equal(closes.length, stats.closes.reader)
  t.strictSame(complaints, [])

  const late = await RawReader.connect(t, port)
  await late.ask('GET /events').seesEvents('sse.open')
})
