import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { RawReader, turn, until } from '../flows/raw-reader.ts'
import { openRaw, startWatched, type Watched } from './watched.ts'

const MIB = 1024 * 1024
const EVENTS = 100
const payload = (n: number): string => `${n} ${'x'.repeat(100_000)}`

/** The numbers of the events that a reader got; each event must be whole. */
function heard (t: Test, { events }: RawReader): number[] {
  return events.filter(({ event }) => event === undefined).map(({ data }) => {
    const number = parseInt(data)
    if (data !== payload(number)) t.fail('torn', { number, length: data.length })
    return number
  })
}

/** Waits by counting bytes: parsing all events again with every packet takes seconds. */
async function seesBytes (reader: RawReader, events: number): Promise<void> {
  await until(() => reader.closed || reader.packets.reduce((sum, { length }) => sum + length, 0) > events * payload(1).length)
}

function listenersOf (socket: Socket): number {
  return socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0)
}

/** Broadcasts until more waits for a reader than any kernel buffers. @returns The number of the last event. */
async function fill ({ app }: Watched, socket: Socket): Promise<number> {
  let n = 0
  while (socket.writableLength < MIB) {
    await app.sse.broadcast('message', payload(++n))
    await turn()
  }
  return n
}

t.test('a server with Node\'s defaults ends its half of a connection when the reader has half-closed:', async (t) => {
  t.test('the reader gets everything handed to its socket, sees an incomplete response, and resumes with exactly the rest', async (t) => {
    const watched = await startWatched(t, { maxBacklogBytes: 4 * MIB, history: { maxBytes: 64 * MIB } })
    const { app, port, closes, complaints } = watched
    const { reader, subscriber, socket } = await openRaw(t, watched)
    reader.socket.pause()
    const handed = await fill(watched, socket)
    const ended = new Promise((resolve) => socket.once('end', resolve))
    reader.socket.end()
    await ended
    for (let n = handed + 1; n <= EVENTS; n++) await app.sse.broadcast('message', payload(n))
    await turn()
    reader.socket.resume()
    await reader.seesClose()
    t.equal(await subscriber.closed, 'reader')
    t.ok(reader.ended && reader.error === undefined, 'a FIN came, no RST')
    t.equal(reader.answers[0]!.complete, false)
    const first = heard(t, reader)
    t.equal(first.length, handed)
    t.ok(handed < EVENTS)

    const again = (await RawReader.connect(t, port)).ask(`GET /events\nlast-event-id: ${reader.events.at(-1)!.id}`)
    await seesBytes(again, EVENTS - first.length)
    await again.seesEvents(undefined, EVENTS - first.length)
    t.strictSame([...first, ...heard(t, again)], Array.from({ length: EVENTS }, (_, n) => n + 1))
    t.strictSame(again.events.filter(({ event }) => event === 'sse.gap'), [])
    t.equal(closes.length, 1)
    t.strictSame(complaints, [])
  })

  t.test('a reader that half-closes together with its request gets at most `sse.open` and is not kept', async (t) => {
    const { app, port, closes, opened, complaints, sockets } = await startWatched(t)
    const reader = await RawReader.connect(t, port)
    ;(reader.socket as Socket).end('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await reader.seesClose()
    await until(() => app.sse.count() === 0 && sockets[0]!.destroyed)
    t.ok(reader.ended && reader.error === undefined, 'a FIN came, no RST')
    t.notOk(reader.answers[0]?.complete ?? false)
    t.strictSame(closes.map(({ subscriber, reason }) => [subscriber, reason]), opened.map((subscriber) => [subscriber, 'reader']))
    t.strictSame(complaints, [])
  })
})

t.test('with `server.httpAllowHalfOpen` a reader that has half-closed', async (t) => {
  async function startHalfOpen (t: Test): Promise<Watched> {
    const watched = await startWatched(t, { history: { maxBytes: 64 * MIB } })
    Object.assign(watched.app.server, { httpAllowHalfOpen: true })
    return watched
  }

  async function openHalf (t: Test, watched: Watched): ReturnType<typeof openRaw> {
    const opened = await openRaw(t, watched)
    const ended = new Promise((resolve) => opened.socket.once('end', resolve))
    opened.reader.socket.end()
    await ended
    return opened
  }

  t.test('still gets every event and a clean end', async (t) => {
    const watched = await startHalfOpen(t)
    const { app, complaints } = watched
    const { reader, subscriber } = await openHalf(t, watched)
    for (let n = 1; n <= EVENTS; n++) {
      await app.sse.broadcast('message', payload(n))
      if (n % 10 === 0) await turn()
    }
    await seesBytes(reader, EVENTS)
    t.equal(app.sse.count(), 1)
    subscriber.close()
    await reader.seesClose()
    t.strictSame(heard(t, reader), Array.from({ length: EVENTS }, (_, n) => n + 1))
    t.ok(reader.answers[0]!.complete)
    t.equal(await subscriber.closed, 'ended')
    t.strictSame(complaints, [])
  })

  t.test('is noticed by the next event after it leaves completely, and leaves no listener behind', async (t) => {
    const watched = await startHalfOpen(t)
    const { app, closes, complaints } = watched
    const { reader, subscriber, socket } = await openHalf(t, watched)
    const before = listenersOf(socket)
    reader.socket.destroy()
    // The first event is answered with a RST, the only sign that the reader has left.
    while (app.sse.count() > 0) {
      await app.sse.broadcast('message', 'x')
      await turn()
    }
    t.ok(socket.destroyed)
    t.ok(listenersOf(socket) <= before)
    t.strictSame(closes, [{ subscriber, reason: 'reader' }])
    t.strictSame(complaints, [])
  })
})
