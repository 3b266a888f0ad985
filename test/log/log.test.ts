import t from 'tap'
import fc from 'fast-check'
import { eventIdOf, type Entry } from '../../lib/log/entry.ts'
import { Log } from '../../lib/log/log.ts'
import { idLineBytes, type LogBounds } from '../../lib/log/log-bounds.ts'
import { formatPosition } from '../../lib/broker/position.ts'

const EPOCH = 'a000000000'
const id = (offset: number): string => formatPosition({ epoch: EPOCH, offset })
const UNBOUNDED = { maxEvents: Infinity, maxBytes: Infinity, maxAge: Infinity }

/** A log with a clock that the test moves, and with offsets in steps of ten, since an engine may skip offsets. */
function createLog (bounds: Partial<LogBounds> = {}, keeps = true) {
  const clock = { now: 0 }
  const evicted: Entry[] = []
  const origin = { epoch: EPOCH, offset: 0 }
  const parts = { minBytesToCompress: Infinity, keeps, now: () => clock.now, evicted: (entry: Entry) => { evicted.push(entry) } }
  const log = new Log({ origin, bounds: { ...UNBOUNDED, ...bounds }, ...parts })
  let offset = 0
  const append = (body = 'data: x\n\n', given: { ephemeral?: boolean, id?: string } = {}): Entry => {
    const position = given.ephemeral === true ? null : { epoch: EPOCH, offset: offset += 10 }
    return log.append(position, { channels: ['*'], body, ephemeral: false, id: undefined, key: undefined, time: Date.now(), ...given })
  }
  const appendMany = (count: number): void => { for (let i = 0; i < count; i++) append() }
  return { log, clock, evicted, append, appendMany }
}

t.test('the bytes of a kept entry begin with its ID', async (t) => {
  const { log, append } = createLog()
  t.equal(append().bytes.toString(), `id: ${id(10)}\ndata: x\n\n`)
  t.equal(log.lastEventId, id(10))
})

t.test('an ephemeral entry has an index and no position', async (t) => {
  const { log, append } = createLog()
  append()
  const { bytes, position, index } = append('data: y\n\n', { ephemeral: true })
  t.strictSame([bytes.toString(), position, index], ['data: y\n\n', null, 1])
  t.equal(log.lastEventId, id(10))
  t.equal(append().index, 2)
})

t.test('text is encoded as UTF-8, and a lone surrogate as U+FFFD', async (t) => {
  const { append } = createLog()
  for (const text of ['ascii', 'grün', '\u{1f600}', 'a\ud800b']) {
    t.equal(append(`data: ${text}\n\n`, { ephemeral: true }).bytes.toString(), `data: ${text.replace('\ud800', '\ufffd')}\n\n`)
  }
})

t.test('an entry has its own ArrayBuffer, since it may outlive its neighbours', async (t) => {
  t.equal(createLog().append().bytes.buffer.byteLength, `id: ${id(10)}\ndata: x\n\n`.length)
})

t.test('an ID of the application precedes the position in the event ID', async (t) => {
  const { log, append } = createLog()
  const entry = append('data: x\n\n', { id: 'order 7' })
  t.equal(entry.bytes.toString(), `id: order 7@${id(10)}\ndata: x\n\n`)
  t.equal(log.find('order 7'), entry)
  t.equal(eventIdOf(entry), `order 7@${id(10)}`)
  t.equal(log.lastEventId, id(10), '`lastEventId` is the position alone')
})

t.test('`find` returns no entry for an ID of several entries, until one of them is left', async (t) => {
  const { log, append } = createLog({ maxEvents: 1 })
  append('data: x\n\n', { id: 'same' })
  const newer = append('data: x\n\n', { id: 'same' })
  t.equal(log.find('same'), undefined)
  log.trim(2, 2)
  t.equal(log.find('same'), newer)
  append()
  log.trim(3, 3)
  t.equal(log.find('same'), undefined)
})

t.test('kept entries and ephemeral entries each stay within maxBytes at every moment', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 160 }), fc.boolean())), (bodies) => {
    const { append, evicted } = createLog({ maxBytes: 200 })
    const there: Entry[] = []
    return bodies.every(([size, ephemeral]) => {
      there.push(append('x'.repeat(size), { ephemeral }))
      const held = there.filter((entry) => !evicted.includes(entry) && (entry.position === null) === ephemeral)
      return held.length > 0 && held.reduce((sum, { bytes }) => sum + bytes.length, 0) <= 200
    })
  }))
  t.pass('in every case')
})

t.test('an entry of maxBytes evicts all others', async (t) => {
  const { log, append, appendMany } = createLog({ maxBytes: 400 })
  appendMany(3)
  const own = 'i'.repeat(256)
  append('x'.repeat(log.maxBytes - idLineBytes(own)), { id: own })
  t.equal(log.size, 1)
  t.ok(log.bytes > 380 && log.bytes <= 400, 'a position may be shorter than the room reserved for it')
  append('x'.repeat(log.maxBytes - idLineBytes(undefined)))
  t.equal(log.size, 1)
  t.ok(log.bytes <= 400)
})

t.test('ephemeral entries never evict a kept entry', async (t) => {
  const { log, append, evicted, appendMany } = createLog({ maxEvents: 3, maxBytes: 200 })
  appendMany(3)
  for (let i = 0; i < 50; i++) append('data: e\n\n', { ephemeral: true })
  log.trim(log.head, 0)
  t.equal(log.size, 3)
  t.ok(evicted.length >= 47)
  t.ok(evicted.every(({ position }) => position === null))
})

t.test('an evicted entry releases its bytes', async (t) => {
  const { log, append, appendMany } = createLog({ maxEvents: 1 })
  const first = append()
  appendMany(1)
  log.trim(2, 0)
  t.equal(first.bytes.length, 0)
})

t.test('maxEvents evicts only served entries', async (t) => {
  const { log, appendMany } = createLog({ maxEvents: 3 })
  appendMany(10)
  t.equal(log.size, 10)
  log.trim(5, 0)
  t.equal(log.size, 5, 'unserved entries stay')
  log.trim(10, 0)
  t.equal(log.size, 3)
  t.equal(log.losses.kept, 6)
})

t.test('an entry older than maxAge is not replayed, before and after a trim', async (t) => {
  const { log, clock, appendMany } = createLog({ maxAge: 1000 })
  appendMany(2)
  clock.now = 600
  appendMany(2)
  clock.now = 1200
  t.equal(log.oldest(), 2)
  t.equal(log.size, 4)
  log.trim(4, 0)
  t.equal(log.size, 2)
})

t.test('`after` places a skipped offset after the previous entry', async (t) => {
  const { log, appendMany } = createLog()
  appendMany(5)
  t.strictSame([0, 10, 25, 49, 50].map((offset) => log.after(offset)), [0, 1, 2, 4, 5])
})

t.test('`idBefore` finds the ID of an index after many evictions and removals', async (t) => {
  const { log, append, appendMany } = createLog({ maxEvents: 100 })
  for (let round = 0; round < 50; round++) {
    appendMany(36)
    log.remove(append())
    log.trim(log.head, 0)
    t.equal(log.idBefore(log.head), id(log.head * 10), 'the ID of a removed entry')
    t.equal(log.idBefore(log.head - 1), id((log.head - 1) * 10))
  }
  const oldest = log.oldest()
  t.equal(log.idBefore(oldest), id(oldest * 10))
})

t.test('no entry has an ID in a log without history', async (t) => {
  const { log, append } = createLog({}, false)
  t.equal(append().bytes.toString(), 'data: x\n\n')
  t.equal(log.lastEventId, null)
  t.equal(log.idBefore(0), null)
  t.equal(log.size, 0)
})
