import t from 'tap'
import fc from 'fast-check'
import { Log, MAX_ID_LINE_BYTES, type LogBounds } from '../lib/log.ts'
import { formatPosition } from '../lib/position.ts'

const EPOCH = 'a000000000'
const id = (offset: number): string => formatPosition({ epoch: EPOCH, offset })
const UNBOUNDED = { maxEvents: Infinity, maxBytes: Infinity, maxAge: Infinity }

/** A log whose clock stands still unless moved, and whose offsets leave holes, as an engine's may. */
function createLog (bounds: Partial<LogBounds> = {}, withIds = true) {
  const clock = { now: 0 }
  const log = new Log({ epoch: EPOCH, offset: 0 }, { ...UNBOUNDED, ...bounds }, withIds, () => clock.now)
  let offset = 0
  const append = (times = 1, body = 'data: x\n\n'): void => {
    for (let i = 0; i < times; i++) log.append({ epoch: EPOCH, offset: offset += 10 }, ['*'], body)
  }
  return { log, clock, append }
}

const text = (log: Log, index: number): string => log.at(index).bytes.toString()

t.test('an entry goes out with its id in front', async (t) => {
  const { log, append } = createLog()
  append()
  t.equal(text(log, 0), `id: ${id(10)}\ndata: x\n\n`)
  t.equal(log.lastEventId, id(10))
})

t.test('before the first entry there is an id to resume from', async (t) => {
  const { log, append } = createLog()
  t.equal(log.lastEventId, id(0))
  append(2)
  t.strictSame(log.resume(id(0)), { cursor: 0 })
})

t.test('maxBytes holds at every moment', async (t) => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 160 })), (sizes) => {
    const { log, append } = createLog({ maxBytes: 200 })
    return sizes.every((size) => {
      append(1, 'x'.repeat(size))
      let held = 0
      for (let index = log.start; index < log.head; index++) held += log.at(index).bytes.length
      return log.bytes === held && held <= 200 && log.head > log.start
    })
  }))
  t.pass('in every case')
})

t.test('an entry of maxBytes stands alone in the log', async (t) => {
  const { log, append } = createLog({ maxBytes: 200 })
  append(3)
  append(1, 'x'.repeat(log.maxBytes - MAX_ID_LINE_BYTES))
  t.equal(log.head - log.start, 1)
  t.ok(log.bytes <= 200)
})

t.test('maxEvents waits until the entries were served', async (t) => {
  const { log, append } = createLog({ maxEvents: 3 })
  append(10)
  t.equal(log.start, 0)
  log.trim(5)
  t.equal(log.start, 5, 'those not yet served stay')
  log.trim(10)
  t.equal(log.start, 7)
})

t.test('what is older than maxAge is not replayed, trimmed or not', async (t) => {
  const { log, clock, append } = createLog({ maxAge: 1000 })
  append(2)
  clock.now = 600
  append(2)
  clock.now = 1200
  t.strictSame(log.resume(id(10)), { cursor: 2, gap: 'evicted' })
  t.strictSame(log.resume(id(20)), { cursor: 2 }, 'who has seen the last old one has missed nothing')
  t.equal(log.oldest(), 2)
  log.trim(4)
  t.equal(log.start, 2)
})

t.test('an index finds its entry after any number of evictions', async (t) => {
  const { log, append } = createLog({ maxEvents: 100 })
  for (let round = 0; round < 50; round++) {
    append(37)
    log.trim(log.head)
    t.equal(log.at(log.start).position.offset, (log.start + 1) * 10)
    t.equal(log.at(log.head - 1).position.offset, log.head * 10)
  }
})

t.test('the five cases of a reader that comes back', async (t) => {
  const { log, append } = createLog({ maxEvents: 5 })
  append(10)
  log.trim(10)
  t.strictSame(log.resume(id(100)), { cursor: 10 }, 'up to date')
  t.strictSame(log.resume(id(80)), { cursor: 8 }, 'behind and kept')
  t.strictSame(log.resume(id(50)), { cursor: 5 }, 'just before the oldest one kept')
  t.strictSame(log.resume(id(40)), { cursor: 5, gap: 'evicted' })
  t.strictSame(log.resume(id(0)), { cursor: 5, gap: 'evicted' })
  t.strictSame(log.resume('b000000000.80'), { cursor: 5, gap: 'foreign' })
  t.strictSame(log.resume(id(101)), { cursor: 10, gap: 'future' })
  for (const strange of ['head', 'oldest', '', '-', 'constructor', '\0', 'x'.repeat(15_000)]) {
    t.strictSame(log.resume(strange), { cursor: 5, gap: 'unknown' }, strange.slice(0, 20))
  }
})

t.test('an offset that an engine skipped resumes after the one before it', async (t) => {
  const { log, append } = createLog()
  append(5)
  t.strictSame(log.resume(id(25)), { cursor: 2 })
})

t.test('the id before an index resumes exactly there', async (t) => {
  const { log, append } = createLog({ maxEvents: 5 })
  append(10)
  log.trim(10)
  for (let index = log.start; index <= log.head; index++) {
    t.strictSame(log.resume(log.idBefore(index)!), { cursor: index })
  }
})

t.test('without ids nothing is replayed and nothing has an id', async (t) => {
  const { log, append } = createLog({ maxEvents: 0 }, false)
  append(3)
  t.equal(text(log, 0), 'data: x\n\n')
  t.equal(log.lastEventId, null)
  t.equal(log.idBefore(2), null)
  t.strictSame(log.resume(id(10)), { cursor: 3 })
  t.equal(log.oldest(), 3)
})
