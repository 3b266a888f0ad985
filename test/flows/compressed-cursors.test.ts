import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { CodedReader } from './coded-reader.ts'
import { start, type Journey } from './journey.ts'
import { settlesAt, usedBytes } from './numbered-reader.ts'
import { gate, turn, until } from './raw-reader.ts'

const KIB = 1024
const MIB = 1024 * KIB
const COMPRESS = { compress: { minBytes: 100 }, heartbeatInterval: false } as const

const PAYLOADS = ['short', 'the same again, '.repeat(60), '\u{1f600}'.repeat(40 * KIB)]

t.test('a reader that resumes with another content coding gets every event once', async (t) => {
  const { app, port } = await start(t, COMPRESS)
  let expected = 0
  let lastEventId: string | undefined
  const publish = (): void => { for (const payload of PAYLOADS) void app.sse.broadcast('message', payload) }
  for (const accepts of ['gzip', 'identity', 'gzip', 'gzip', 'identity', 'identity']) {
    const reader: CodedReader = await CodedReader.open(t, port, { accepts, lastEventId })
    publish()
    expected += PAYLOADS.length
    await reader.sees((it) => it.heard().length === expected)
    t.ok(reader.heard().every((data, at) => data === PAYLOADS[at % PAYLOADS.length]))
    t.strictSame(reader.heard('sse.gap'), [])
    lastEventId = reader.events.at(-1)!.id
    reader.body.destroy()
    await until(() => app.sse.count() === 0)
    publish()
    expected = PAYLOADS.length
  }
})

t.test('a gzip reader gets its events compressed while it joins and leaves channels', async (t) => {
  const { app, port, opened } = await start(t, COMPRESS)
  const reader = await CodedReader.open(t, port, { accepts: 'gzip' })
  const [subscriber] = opened
  const payload = 'x'.repeat(10 * KIB)
  for (let n = 1; n <= 5; n++) {
    subscriber!.join(`channel ${n}`)
    if (n > 1) subscriber!.leave(`channel ${n - 1}`)
    for (const channels of [['*'], [`channel ${n}`]]) await app.sse.broadcast('message', payload, { channels })
    await reader.sees(({ events }) => events.length === 2 * n + 1)
  }
  t.ok(reader.bytes.length < 2 * KIB, `${reader.bytes.length} bytes for 100 KiB`)
})

t.test('an uncompressed reader that keeps up misses no event of a full log that is being compressed for others', async (t) => {
  const EVENTS = 600
  const OTHERS = [350, 400, 450, 500, 550]
  const open = gate()
  let held = 0
  const preHandler = async (): Promise<void> => {
    if (++held > OTHERS.length) open.open()
    await open.passed
  }
  // Each event counts twice until it is compressed.
  const { app, port } = await start(t, { ...COMPRESS, history: { maxBytes: 2 * 4 * MIB }, route: { preHandler } })
  const ids: string[] = []
  for (let n = 0; n < EVENTS; n++) ids.push((await app.sse.broadcast('message', randomBytes(9 * KIB).toString('base64'))).id!)
  await turn()
  const from = EVENTS - Math.floor(4 * MIB / (12 * KIB + 100))
  const [plain, ...coded] = await Promise.all([
    CodedReader.open(t, port, { lastEventId: ids[from]! }),
    ...OTHERS.map((from) => CodedReader.open(t, port, { lastEventId: ids[from]!, accepts: 'gzip' }))
  ])
  for (const reader of [plain, ...coded]) {
    await reader.sees(({ events }) => events.at(-1)?.id === ids.at(-1))
    t.strictSame(reader.heard('sse.gap'), [])
  }
  t.equal(plain.heard().length, EVENTS - from - 1)
})

t.test('a gzip reader that stops reading', async (t) => {
  const maxBacklogBytes = 128 * KIB
  // Text that shrinks to 3/4 of its size at best, so that sockets fill.
  const flood = async ({ app }: Journey, events: number, each: () => unknown = () => {}): Promise<void> => {
    for (let n = 0; n < events; n++) {
      await app.sse.broadcast('message', `${n} ${randomBytes(24 * KIB).toString('base64')}`)
      await turn()
      each()
    }
  }
  const openStalled = async (t: Test, options: object): Promise<Journey & { stalled: CodedReader }> => {
    const journey = await start(t, { ...COMPRESS, maxBacklogBytes, stallTimeout: false, shutdownTimeout: 0, ...options })
    const stalled = await CodedReader.open(t, journey.port, { accepts: 'gzip' })
    await stalled.sees(({ events }) => events.length === 1)
    stalled.body.pause()
    return { ...journey, stalled }
  }

  t.test('costs its socket at most `maxBacklogBytes` plus one batch, and the process the log, and gets a gap when it resumes', async (t) => {
    const EVENTS = 1200
    const journey = await openStalled(t, { history: { maxBytes: MIB } })
    const { app, sockets: [socket], stalled } = journey
    const before = usedBytes()
    let most = 0
    await flood(journey, EVENTS, () => { most = Math.max(most, socket!.writableLength) })
    t.ok(most > maxBacklogBytes && most <= maxBacklogBytes + 64 * KIB + 100, `${most} bytes in its socket`)
    const grown = await settlesAt(before + 4 * MIB) - before
    t.ok(grown < 4 * MIB, `${Math.round(grown / KIB)} KiB more than before 38 MB were broadcast`)

    stalled.body.resume()
    const last = (reader: CodedReader): number => parseInt(reader.events.at(-1)!.data)
    await stalled.sees((reader) => last(reader) === EVENTS - 1)
    t.match(JSON.parse(stalled.heard('sse.gap')[0]!), { reason: 'slow' })
    const numbers = stalled.heard().map((data) => parseInt(data))
    const jumps = numbers.filter((number, at) => number !== (numbers[at - 1] ?? -1) + 1).length
    t.equal(jumps, stalled.heard('sse.gap').length)
    t.ok(jumps > 0)
    for (const subscriber of app.sse.subscribers()) subscriber.close()
    await stalled.seesWhole()
  })

  t.test('gets every event when it resumes, if the log still holds them all', async (t) => {
    const journey = await openStalled(t, { history: { maxBytes: 128 * MIB } })
    const { app, stalled } = journey
    await flood(journey, 600)
    t.ok(app.sse.stats().lag > 100, 'the reader is far behind')
    stalled.body.resume()
    await stalled.sees((reader) => reader.events.length === 601)
    t.ok(stalled.heard().every((data, at) => parseInt(data) === at))
    for (const subscriber of app.sse.subscribers()) subscriber.close()
    await stalled.seesWhole()
  })

  t.test('is cut after `stallTimeout`', async (t) => {
    const journey = await openStalled(t, { stallTimeout: 200 })
    const timer = setInterval(() => { void flood(journey, 1) }, 1)
    t.after(() => clearInterval(timer))
    await until(() => journey.closes.length === 1)
    t.strictSame(journey.closes, ['stalled'])
  })
})
