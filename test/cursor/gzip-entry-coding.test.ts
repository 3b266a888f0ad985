import t, { type Test } from 'tap'
import { GzipCoding } from '../../lib/cursor/gzip-entry-coding.ts'
import { createFanOut as createPlainFanOut } from '../support/fan-out.ts'

type FanOutParameters = Parameters<typeof createPlainFanOut>

const createFanOut = (bounds?: FanOutParameters[0], options?: FanOutParameters[1]) => createPlainFanOut(bounds, { minBytesToCompress: 0, ...options })

/** Text that compresses badly. */
const text = (i: number): string => Array.from({ length: 20 }, (_, at) => Math.sin(i * 31 + at + 1).toString(36).slice(2)).join('')

const LONG = 'a long event that is worth it '.repeat(20)

/** Asserts that all writers received equal events. */
function areAlike (t: Test, ...writers: ReadonlyArray<{ readonly data: string[] }>): void {
  for (const { data } of writers) t.strictSame(data, writers[0]!.data)
}

t.test('plain and compressed readers receive equal events from one log, and compressed streams have a valid end', async (t) => {
  const { subscribe, publish, settled } = createFanOut()
  const plain = subscribe()
  const compressed = [subscribe(undefined, ['*'], { coding: 'gzip' }), subscribe(undefined, ['*'], { coding: 'gzip' })]
  for (let i = 0; i < 5; i++) {
    publish(`${i} ${LONG}`)
    await settled()
  }
  void compressed[0]!.subscriber.send('message', 'for the first alone')
  for (let i = 5; i < 8; i++) {
    publish(`${i} ${LONG}`)
    await settled()
  }
  for (const { subscriber } of [plain, ...compressed]) subscriber.close()
  await settled()
  t.equal(plain.writer.data.length, 8)
  areAlike(t, plain.writer, compressed[1]!.writer)
  t.strictSame(compressed[0]!.writer.data.filter((data) => data !== 'for the first alone'), plain.writer.data)
  for (const { writer } of compressed) {
    t.equal(writer.state, 'ended')
    t.equal(writer.gzipFault, undefined)
  }
})

t.test('an event is compressed once for all readers of all views, and only if a compressed reader receives it', async (t) => {
  const { log, subscribe, publish, settled } = createFanOut()
  subscribe()
  publish(LONG, { channels: ['*', 'a'] })
  await settled()
  const entry = () => log.find('first')!
  publish(LONG, { channels: ['*', 'a'], id: 'first' })
  await settled()
  t.equal(entry().deflated, undefined, 'no compressed reader has received it')
  const readers = [['*'], ['*'], ['a'], ['*', 'a']].map((channels) => subscribe(0, channels, { coding: 'gzip' }))
  publish('more', { channels: ['*', 'a'] })
  await settled()
  const { deflated } = entry()
  t.ok(deflated!.length < LONG.length / 5)
  const late = subscribe(0, ['a'], { coding: 'gzip' })
  publish('more', { channels: ['*', 'a'] })
  await settled()
  t.equal(entry().deflated, deflated)
  for (const { writer } of readers) t.ok(writer.writes[1]!.unframed.includes(deflated!))
  t.ok(late.writer.writes[1]!.unframed.includes(deflated!))
})

t.test('readers that keep up share one running checksum', async (t) => {
  const { subscribe, publish, settled } = createFanOut()
  const readers = Array.from({ length: 3 }, () => subscribe(undefined, ['*'], { coding: 'gzip' }))
  for (let i = 0; i < 20; i++) {
    publish(LONG)
    await settled()
  }
  for (const { writer: { writes } } of readers) {
    const sums = writes.slice(1).map(({ sums }) => sums!)
    t.equal(sums.length, 20)
    for (const [at, { before }] of sums.slice(1).entries()) t.equal(before, sums[at]!.after, `before ${at + 2}`)
  }
})

t.test('a compressed reader stays compressed when it joins and leaves channels', async (t) => {
  const { subscribe, publish, settled } = createFanOut()
  const { subscriber, writer } = subscribe(undefined, ['*'], { coding: 'gzip' })
  subscriber.join('a')
  publish(LONG, { channels: ['a'] })
  await settled()
  subscriber.leave('*')
  publish(LONG, { channels: ['a'] })
  await settled()
  t.strictSame(writer.writes.map(({ sums }) => sums !== undefined), [false, true, true])
  subscriber.close()
  await settled()
  t.equal(writer.gzipFault, undefined)
})

t.test('events below minBytes are stored uncompressed and take no further memory', async (t) => {
  const { log, subscribe, publish, settled } = createFanOut({}, { minBytesToCompress: 100 })
  const { writer } = subscribe(undefined, ['*'], { coding: 'gzip' })
  publish('short', { id: 'short' })
  publish('x'.repeat(100), { id: 'long' })
  await settled()
  t.equal(log.find('short')!.deflated, null)
  t.ok(writer.writes[1]!.unframed.includes('data: short'))
  t.equal(log.bytes, log.find('short')!.bytes.length + log.find('long')!.bytes.length + log.find('long')!.deflated!.length)
})

t.test('maxBytes bounds events and their compressed forms together, and each event has room for its compressed form', async (t) => {
  const maxBytes = 20_000
  const { log, subscribe, publish, settled } = createFanOut({ maxBytes })
  for (let i = 0; i < 40; i++) {
    publish(text(i).repeat(3))
    await settled()
  }
  const before = log.size
  const replaying = subscribe(log.oldest(), ['*'], { coding: 'gzip' })
  const plain = subscribe(log.oldest())
  for (const { delivery } of [replaying.subscriber, plain.subscriber]) delivery.serve()
  t.equal(log.size, before, 'late compression evicts no entry')
  t.equal(replaying.writer.data.length, before)
  for (let i = 40; i < 200; i++) {
    publish(text(i).repeat(3), { id: `own ${i}` })
    t.ok(log.bytes <= maxBytes)
    await settled()
    t.ok(log.find(`own ${i}`)!.deflated!.length > 0)
  }
  t.ok(log.size > before, 'compressed forms take less than the room reserved for them')
  areAlike(t, replaying.writer, plain.writer)
  replaying.subscriber.close()
  await settled()
  t.equal(replaying.writer.gzipFault, undefined)
})

t.test('each event of a burst into a full log is compressed once for 30 views', async (t) => {
  const { log, subscribe, publish, settled } = createFanOut({ maxBytes: 50_000 })
  let compressed = 0
  const hold = log.holdDeflated.bind(log)
  log.holdDeflated = (...parts) => {
    compressed++
    hold(...parts)
  }
  const readers = Array.from({ length: 30 }, (_, i) => subscribe(undefined, ['*', `own ${i}`], { coding: 'gzip' }))
  for (let i = 0; i < 400; i++) publish(text(i))
  await settled()
  compressed = 0
  for (let i = 0; i < 20; i++) publish(text(i))
  await settled()
  t.equal(compressed, 20)
  for (const { writer } of readers) t.ok(writer.data.slice(-20).every((data, i) => data === text(i)))
})

t.test('an event that does not shrink, or leaves no room for a compressed form, is sent uncompressed and not tried again', async (t) => {
  const { log, subscribe, publish, settled } = createFanOut({ maxBytes: 3000 })
  const { writer } = subscribe(undefined, ['*'], { coding: 'gzip' })
  for (const [id, data] of [['short', 'q'], ['large', 'x'.repeat(2000)]] as const) {
    publish(data, { id })
    await settled()
    t.equal(log.find(id)!.deflated, null)
    t.ok(writer.writes.at(-1)!.unframed.includes(`data: ${data}`))
    t.ok(log.bytes <= 3000)
  }
})

t.test('a burst that fills the log reaches every reader, since compressed forms evict no unserved entry', async (t) => {
  const { subscribe, publish, settled } = createFanOut({ maxBytes: 80_000 })
  const readers = (['gzip', 'identity', 'gzip'] as const).map((coding) => subscribe(undefined, ['*'], { coding }))
  for (let i = 0; i < 60; i++) publish(`${i} ${LONG}`)
  await settled()
  for (const { writer } of readers) t.equal(writer.data.length, 60)
})

t.test('a batch of compressed events is limited by its uncompressed size', async (t) => {
  const { subscribe, publish, settled } = createFanOut()
  for (let i = 0; i < 100; i++) publish(`${i} ${'x'.repeat(6000)}`)
  await settled()
  const { writer, subscriber } = subscribe(0, ['*'], { coding: 'gzip' })
  let most = 0
  while (subscriber.delivery.waiting) most = Math.max(most, subscriber.delivery.serve())
  t.equal(writer.data.length, 100)
  t.ok(most > 50_000 && most <= 64 * 1024, '`serve` returns at most 64 KiB, counted uncompressed')
})

t.test('a running checksum is kept for the last cursors only', async (t) => {
  const { log, publish } = createFanOut()
  publish('x', { id: 'x' })
  publish('y', { id: 'y' })
  const entries = [log.find('x')!]
  const coding = new GzipCoding(log)
  t.equal(coding.join(entries, 0, 1).sums!.after, coding.join(entries, 0, 1).sums!.after, 'readers on one path share the checksum')
  const other = coding.join([log.find('y')!], 0, 1).sums!.after
  t.not(other, coding.join(entries, 0, 1).sums!.after, 'other entries of equal length have another checksum')
  for (let i = 0; i < 100; i++) coding.join(entries, i, i + 1)
  t.equal(coding.join(entries, 99, 100).sums!.before.length, 99 * entries[0]!.bytes.length)
  t.equal(coding.join(entries, 50, 51).sums!.before.length, 0)
})
