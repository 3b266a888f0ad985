import { Buffer } from 'node:buffer'
import { crc32 } from 'node:zlib'
import t from 'tap'
import fc from 'fast-check'
import { NOTHING, checksumAfter, checksumAlong, type Checksum } from '../../lib/wire/gzip-checksum.ts'
import { tries } from '../support/tries.ts'

const sumOf = (...parts: readonly Uint8Array[]): Checksum => parts.reduce((sum, part) => checksumAfter(sum, Buffer.from(part)), NOTHING)
const bytes = fc.uint8Array({ maxLength: 300 })

t.test('the checksum of consecutive parts is the checksum of the whole', async (t) => {
  t.strictSame(sumOf(Buffer.from('a'), Buffer.from('bc')), { crc: crc32('abc'), length: 3 })
})

t.test('`checksumAlong` adds the bytes of another stream to a checksum without reading them', async (t) => {
  fc.assert(fc.property(bytes, bytes, bytes, (own, theirs, shared) => {
    const from = sumOf(theirs)
    t.strictSame(checksumAlong(sumOf(own), from, sumOf(theirs, shared)), sumOf(own, shared))
  }), tries(300))
})

t.test('`checksumAlong` adds more bytes than 32 bits can count', async (t) => {
  let gibibyte = sumOf(Buffer.alloc(1))
  while (gibibyte.length < 2 ** 30) gibibyte = checksumAlong(gibibyte, NOTHING, gibibyte)
  const after = (sum: Checksum, gibibytes: number): Checksum => {
    for (let i = 0; i < gibibytes; i++) sum = checksumAlong(sum, NOTHING, gibibyte)
    return sum
  }
  const own = sumOf(Buffer.from('abc'))
  t.strictSame(checksumAlong(own, NOTHING, after(NOTHING, 9)), after(own, 9))
  t.equal(after(own, 9).length, 9 * 2 ** 30 + 3)
})
