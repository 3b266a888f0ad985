import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import t from 'tap'
import fc from 'fast-check'
import { NOTHING, sumAfter, sumAlong, type Sum } from '../lib/running-sum.ts'

const sumOf = (...parts: readonly Uint8Array[]): Sum => parts.reduce((sum, part) => sumAfter(sum, Buffer.from(part)), NOTHING)
const bytes = fc.uint8Array({ maxLength: 300 })

t.test('sums of parts are the sum of the whole', async (t) => {
  t.strictSame(sumOf(Buffer.from('a'), Buffer.from('bc')), { crc: crc32('abc'), length: 3 })
})

t.test('what another stream was given is added to one that had other bytes before, without a look at it', async (t) => {
  fc.assert(fc.property(bytes, bytes, bytes, (own, theirs, shared) => {
    const from = sumOf(theirs)
    t.strictSame(sumAlong(sumOf(own), from, sumOf(theirs, shared)), sumOf(own, shared))
  }), { numRuns: 300 })
})

t.test('so are more bytes than 32 bits can count', async (t) => {
  // n zeros behind a sum, doubled until there are 8 GiB of them.
  let zeros = sumOf(Buffer.alloc(1))
  while (zeros.length < 2 ** 33) zeros = sumAlong(zeros, NOTHING, zeros)
  const own = sumOf(Buffer.from('abc'))
  const there = sumAlong(own, NOTHING, zeros)
  t.equal(there.length, 2 ** 33 + 3)
  let halves = own
  const half = { ...zeros, length: 2 ** 32 }
  let zerosOfHalf = sumOf(Buffer.alloc(1))
  while (zerosOfHalf.length < half.length) zerosOfHalf = sumAlong(zerosOfHalf, NOTHING, zerosOfHalf)
  for (let i = 0; i < 2; i++) halves = sumAlong(halves, NOTHING, zerosOfHalf)
  t.strictSame(halves, there)
})
