import { setTimeout as sleep } from 'node:timers/promises'
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { NumberedReader, type ConnectOptions } from './numbered-reader.ts'
import { RawReader, turn, until } from './raw-reader.ts'
import { ServerProcess } from './restart-process.ts'

// Long enough for a busy machine to serve every reader that reads. A stalled reader makes the closing server wait all of it: if a native reader
// reconnected to that server, it would get Fastify's 503 and give up.
const SHUTDOWN_TIMEOUT = 4000
const RECONNECTION_TIME = { min: 300, max: 800 }
const MIB = 1024 * 1024

/** A reader of the crowd, which reconnects after the reconnection time that it received. */
class ReturningReader {
  readonly reader: NumberedReader
  #tail = ''
  #endedAt = NaN

  constructor (t: Test, port: number) {
    this.reader = new NumberedReader(port)
    t.after(() => this.reader.socket.destroy())
    this.connect()
  }

  connect (options: ConnectOptions = {}): void {
    const { socket } = this.reader.connect({ ...options, paused: true })
    socket.on('data', (piece) => {
      this.reader.push(piece)
      this.#tail = (this.#tail + piece.toString('latin1')).slice(-100)
      if (this.reader.complete) this.#endedAt = performance.now()
    })
  }

  /** The `retry` right before the clean end of its stream, in milliseconds; NaN if there was none. */
  get toldTime (): number { return Number(/\r\nretry: (\d+)\n\r\n0\r\n\r\n$/.exec(this.#tail)?.[1]) }

  async comeBack (): Promise<void> {
    await sleep(Math.max(0, this.#endedAt + this.toldTime - performance.now()))
    this.connect({ by: 'header' })
  }
}

interface NativeReader {
  readonly source: EventSource
  /** The numbers of the received events. */
  readonly numbers: number[]
  readonly gaps: string[]
  opens: number
}

function openNative (t: Test, port: number): NativeReader {
  const source = new EventSource(`http://127.0.0.1:${port}/events`)
  t.after(() => source.close())
  const native: NativeReader = { source, numbers: [], gaps: [], opens: 0 }
  source.addEventListener('sse.open', () => { native.opens++ })
  source.addEventListener('sse.gap', ({ data }) => native.gaps.push((JSON.parse(data) as { reason: string }).reason))
  source.addEventListener('message', ({ data }) => native.numbers.push(parseInt(data)))
  return native
}

const CROWD = 1000
const NATIVES = 20
const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1)

t.test(`a server with ${CROWD} readers exits in time on SIGTERM, and every reader resumes at its successor, with one gap`, async (t) => {
  const heavy = { channel: 'heavy', fill: MIB / 2 }
  const server = await ServerProcess.start(t, {
    shutdownTimeout: SHUTDOWN_TIMEOUT, reconnectionTime: RECONNECTION_TIME, history: { maxBytes: 64 * MIB }
  })
  const { port } = server
  const crowd = Array.from({ length: CROWD }, () => new ReturningReader(t, port))
  const natives = Array.from({ length: NATIVES }, () => openNative(t, port))
  const stalled = new NumberedReader(port, heavy.fill).connect({ path: '/events?channel=heavy', paused: true })
  // Replays the events that the stalled reader does not read; the query holds the start position.
  const replaying = new NumberedReader(port, heavy.fill).connect({ path: '/events?channel=heavy' })
  t.after(() => { for (const { socket } of [stalled, replaying]) socket.destroy() })
  await until(() => [...crowd.map(({ reader }) => reader), replaying, ...natives].every(({ opens }) => opens === 1))
  replaying.cut()
  await server.publish(1, 40, heavy)
  replaying.connect({ path: `/events?channel=heavy&lastEventId=${replaying.lastEventId}`, paused: true })
  await server.publish(1, 100)
  await until(() => crowd.every(({ reader }) => reader.last === 100) && natives.every(({ numbers }) => numbers.length === 100))

  const [slow, never] = [await RawReader.connect(t, port), await RawReader.connect(t, port)]
  never.ask('GET /events?never')
  slow.ask('GET /events?slow')
  await until(() => server.entered.length === 2)
  const began = performance.now()
  server.signal('SIGTERM')
  await until(() => crowd.some(({ reader }) => reader.complete))
  replaying.resume()
  t.equal(await server.exited(), 0)
  const time = performance.now() - began
  t.ok(time < SHUTDOWN_TIMEOUT + 1000, `${Math.round(time)} ms`)

  const restarted = ServerProcess.start(t, { port, reconnectionTime: RECONNECTION_TIME, shutdownTimeout: 0 })
  await until(() => crowd.every(({ reader }) => reader.closed) && replaying.closed)
  for (const { reader, toldTime } of crowd) {
    if (!reader.complete || !(toldTime >= RECONNECTION_TIME.min && toldTime <= RECONNECTION_TIME.max)) t.fail('a stream does not end cleanly after a `retry`', { toldTime })
  }
  t.ok(new Set(crowd.map(({ toldTime }) => toldTime)).size > CROWD / 10, 'reconnection times vary')
  t.strictSame([replaying.complete, replaying.count, replaying.faults, replaying.gaps], [true, 40, [], []], 'a reader in replay gets the rest')
  await Promise.all([slow.seesClose(), never.seesClose()])
  t.match(slow.answers[0], { complete: true, body: /event: sse\.open\n.*\n\nretry: \d+\n$/ }, 'a stream that opens late ends with a `retry`')
  t.equal(never.bytes.length, 0, 'a stream that never opens is cut')
  stalled.resume()
  await until(() => stalled.closed)
  t.notOk(stalled.complete, 'a reader that does not read is cut')

  const next = await restarted
  await next.publish(101, 150)
  await Promise.all(crowd.map((one) => one.comeBack()))
  await until(() => crowd.every(({ reader }) => reader.opens === 2) && natives.every(({ opens }) => opens === 2))
  while (await next.publish(151, 150) < CROWD + NATIVES) await turn()
  await next.publish(151, 200)
  await until(() => crowd.every(({ reader }) => reader.last === 200) && natives.every(({ numbers }) => numbers.at(-1) === 200))
  for (const { reader: { faults, gaps, first, count } } of crowd) {
    if (faults.length > 0 || first !== 1 || count !== 200 || gaps.length !== 1 || gaps[0]!.reason !== 'foreign') t.fail('lost, duplicated or without a gap', { faults, first, count, gaps })
  }
  for (const { numbers, gaps } of natives) t.strictSame([numbers, gaps], [upTo(200), ['foreign']])
})
