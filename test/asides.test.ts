import { Buffer } from 'node:buffer'
import t from 'tap'
import { Asides } from '../lib/asides.ts'
import { MAX_RUN_BYTES } from '../lib/run.ts'

const bytes = (text: string): Buffer => Buffer.from(text)
const taken = (asides: Asides): string => asides.take().plain.toString()

t.test('what stands before the same index is taken together, in order, and what stands before a later one waits', async (t) => {
  const asides = new Asides()
  t.strictSame([asides.size, asides.bytes, asides.index], [0, 0, Infinity])
  asides.add(3, bytes('a'))
  asides.add(3, bytes('bb'))
  asides.add(5, bytes('ccc'))
  t.strictSame([asides.size, asides.bytes, asides.index], [3, 6, 3])
  t.equal(taken(asides), 'abb')
  t.strictSame([asides.size, asides.bytes, asides.index], [1, 3, 5])
  t.equal(taken(asides), 'ccc')
  t.strictSame([asides.size, asides.bytes, asides.index], [0, 0, Infinity])
})

t.test('a chunk is framed as HTTP/1.1 frames it', async (t) => {
  const asides = new Asides()
  asides.add(0, bytes('0123456789'))
  asides.add(0, bytes('0123456789'))
  t.equal(asides.take().framed.toString(), '14\r\n01234567890123456789\r\n')
})

t.test('a chunk holds at most a run\'s bytes, and at least the first of those that wait', async (t) => {
  const asides = new Asides()
  const half = Buffer.alloc(MAX_RUN_BYTES / 2, 'x')
  for (let n = 0; n < 3; n++) asides.add(0, half)
  asides.add(0, Buffer.alloc(MAX_RUN_BYTES + 1, 'y'))
  asides.add(0, bytes('z'))
  const lengths: number[] = []
  while (asides.size > 0) lengths.push(asides.take().plain.length)
  t.strictSame(lengths, [MAX_RUN_BYTES, MAX_RUN_BYTES / 2, MAX_RUN_BYTES + 1, 1])
  t.equal(asides.bytes, 0)
})

t.test('each is settled once: with true when it is taken, with false when it is dropped', async (t) => {
  const asides = new Asides()
  const settled: Array<[name: string, handed: boolean]> = []
  for (const [index, name] of [[0, 'a'], [0, 'b'], [1, 'c'], [2, 'd']] as const) asides.add(index, bytes(name), (handed) => settled.push([name, handed]))
  asides.take()
  t.strictSame(settled, [['a', true], ['b', true]])
  asides.drop()
  t.strictSame(settled, [['a', true], ['b', true], ['c', false], ['d', false]])
  t.strictSame([asides.size, asides.bytes, asides.index], [0, 0, Infinity])
  asides.drop()
  t.equal(settled.length, 4)
})

t.test('what is added while the others are told that they were dropped is kept', async (t) => {
  const asides = new Asides()
  asides.add(0, bytes('a'), () => asides.add(7, bytes('later')))
  asides.drop()
  t.strictSame([asides.size, asides.bytes, asides.index], [1, 5, 7])
})

t.test('a `retry` that still waits is replaced at its place, one that was taken is not', async (t) => {
  const asides = new Asides()
  asides.add(0, bytes('a'))
  asides.addRetry(0, bytes('retry: 1\n'))
  asides.add(0, bytes('b'))
  asides.addRetry(4, bytes('retry: 1000\n'))
  t.equal(asides.size, 3)
  t.equal(asides.bytes, 'aretry: 1000\nb'.length)
  t.equal(taken(asides), 'aretry: 1000\nb')
  asides.addRetry(4, bytes('retry: 2\n'))
  t.strictSame([asides.size, asides.index], [1, 4])
  asides.drop()
  asides.addRetry(6, bytes('retry: 3\n'))
  t.strictSame([asides.size, asides.index], [1, 6], 'one that was dropped is not replaced')
  t.equal(taken(asides), 'retry: 3\n')
})

t.test('a thousand times of reconnection that wait take the room of one', async (t) => {
  const asides = new Asides()
  for (let n = 0; n < 1000; n++) asides.addRetry(n, bytes(`retry: ${n}\n`))
  t.strictSame([asides.size, asides.bytes], [1, 'retry: 999\n'.length])
})
