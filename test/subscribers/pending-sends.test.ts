import t from 'tap'
import { PendingSends, sizeOfPendingSend } from '../../lib/subscribers/pending-sends.ts'
import { MAX_BATCH_BYTES } from '../../lib/cursor/batch-cache.ts'

/** The size of a pending send beyond its bytes. */
const OVERHEAD = sizeOfPendingSend('')
const taken = (asides: PendingSends): string => asides.take().unframed.toString()

t.test('sends before one index are taken together, in order, and sends before a later index wait', async (t) => {
  const asides = new PendingSends()
  t.strictSame([asides.count, asides.size, asides.index], [0, 0, Infinity])
  asides.add(3, 'a')
  asides.add(3, 'bb')
  asides.add(5, 'ccc')
  t.strictSame([asides.count, asides.size, asides.index], [3, 6 + 3 * OVERHEAD, 3])
  t.equal(taken(asides), 'abb')
  t.strictSame([asides.count, asides.size, asides.index], [1, 3 + OVERHEAD, 5])
  t.equal(taken(asides), 'ccc')
  t.strictSame([asides.count, asides.size, asides.index], [0, 0, Infinity])
})

t.test('a chunk has the chunked framing of HTTP/1.1', async (t) => {
  const asides = new PendingSends()
  asides.add(0, '0123456789')
  asides.add(0, '0123456789')
  t.equal(asides.take().framed.toString(), '14\r\n01234567890123456789\r\n')
})

t.test('a chunk contains at most MAX_BATCH_BYTES, and at least the first waiting send', async (t) => {
  const asides = new PendingSends()
  const half = 'x'.repeat(MAX_BATCH_BYTES / 2)
  for (let n = 0; n < 3; n++) asides.add(0, half)
  asides.add(0, 'y'.repeat(MAX_BATCH_BYTES + 1))
  asides.add(0, 'z')
  const lengths: number[] = []
  while (asides.count > 0) lengths.push(asides.take().unframed.length)
  t.strictSame(lengths, [MAX_BATCH_BYTES, MAX_BATCH_BYTES / 2, MAX_BATCH_BYTES + 1, 1])
  t.equal(asides.size, 0)
})

t.test('each send is settled once, with true when it is taken and with false when it is dropped', async (t) => {
  const asides = new PendingSends()
  const settled: Array<[name: string, handed: boolean]> = []
  for (const [index, name] of [[0, 'a'], [0, 'b'], [1, 'c'], [2, 'd']] as const) asides.add(index, name, (handed) => settled.push([name, handed]))
  asides.take()
  t.strictSame(settled, [['a', true], ['b', true]])
  asides.drop()
  t.strictSame(settled, [['a', true], ['b', true], ['c', false], ['d', false]])
  t.strictSame([asides.count, asides.size, asides.index], [0, 0, Infinity])
  asides.drop()
  t.equal(settled.length, 4)
})

t.test('a send that is added during `drop` is kept', async (t) => {
  const asides = new PendingSends()
  asides.add(0, 'a', () => asides.add(7, 'later'))
  asides.drop()
  t.strictSame([asides.count, asides.size, asides.index], [1, 5 + OVERHEAD, 7])
})

t.test('a waiting `retry` is replaced in its place, and a taken one is not', async (t) => {
  const asides = new PendingSends()
  asides.add(0, 'a')
  asides.addRetry(0, 'retry: 1\n')
  asides.add(0, 'b')
  asides.addRetry(4, 'retry: 1000\n')
  t.equal(asides.count, 3)
  t.equal(asides.size, 'aretry: 1000\nb'.length + 3 * OVERHEAD)
  t.equal(taken(asides), 'aretry: 1000\nb')
  asides.addRetry(4, 'retry: 2\n')
  t.strictSame([asides.count, asides.index], [1, 4])
  asides.drop()
  asides.addRetry(6, 'retry: 3\n')
  t.strictSame([asides.count, asides.index], [1, 6], 'a dropped `retry` is not replaced')
  t.equal(taken(asides), 'retry: 3\n')
})

t.test('a thousand waiting reconnection times take the room of one', async (t) => {
  const asides = new PendingSends()
  for (let n = 0; n < 1000; n++) asides.addRetry(n, `retry: ${n}\n`)
  t.strictSame([asides.count, asides.size], [1, sizeOfPendingSend('retry: 999\n')])
})

t.test('a send counts for more than its bytes, and retains no memory of the pool that small Buffers share', async (t) => {
  const asides = new PendingSends()
  for (let n = 0; n < 1000; n++) asides.add(0, ':\n')
  t.ok(asides.size >= 1000 * 200, `${asides.size}`)
  const { framed } = asides.take()
  t.equal(framed.buffer.byteLength, framed.length, 'a taken chunk has its own ArrayBuffer')
})
