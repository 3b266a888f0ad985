import { Buffer } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import fc from 'fast-check'
import { deflatedBlocks, GZIP_HEADER, gzipEnd, storedBlocks } from '../../lib/wire/gzip.ts'
import { NOTHING, checksumAfter } from '../../lib/wire/gzip-checksum.ts'
import { GzipReader } from '../support/gzip-reader.ts'

t.test('stored and deflated blocks form a gzip stream in any order, and each is readable on arrival', async (t) => {
  const part = fc.record({ text: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('abc '.repeat(1000))), isStored: fc.boolean() })
  fc.assert(fc.property(fc.array(part), (parts) => {
    const reader = new GzipReader()
    let sum = NOTHING
    let text = reader.push(GZIP_HEADER)
    for (const { text: piece, isStored } of parts) {
      const bytes = Buffer.from(piece)
      sum = checksumAfter(sum, bytes)
      text = reader.push(isStored ? Buffer.concat(storedBlocks(bytes)) : deflatedBlocks(bytes))
      t.equal(text, bytes.toString())
    }
    reader.push(gzipEnd(sum))
    t.equal(reader.fault(), undefined)
  }))
})

t.test('stored bytes take five further bytes for each block of up to 65,535 bytes', async (t) => {
  for (const [length, blocks] of [[1, 1], [65_535, 1], [65_536, 2], [200_000, 4]] as const) {
    const bytes = Buffer.alloc(length, 'abc')
    const stored = Buffer.concat(storedBlocks(bytes))
    t.equal(stored.length, length + 5 * blocks)
    t.ok(gunzipSync(Buffer.concat([GZIP_HEADER, stored, gzipEnd(checksumAfter(NOTHING, bytes))])).equals(bytes))
  }
})

t.test('a gzip trailer with a wrong length or checksum is refused', async (t) => {
  const whole = (sum: Parameters<typeof gzipEnd>[0]): Buffer => Buffer.concat([GZIP_HEADER, ...storedBlocks(Buffer.from('abc')), gzipEnd(sum)])
  const sum = checksumAfter(NOTHING, Buffer.from('abc'))
  t.throws(() => gunzipSync(whole({ ...sum, length: 4 })))
  t.throws(() => gunzipSync(whole({ ...sum, crc: sum.crc ^ 1 })))
  t.doesNotThrow(() => gunzipSync(whole({ ...sum, length: sum.length + 2 ** 32 })), 'the length counts modulo 2^32')
})

t.test('deflated blocks have an ArrayBuffer of their own length', async (t) => {
  const blocks = deflatedBlocks(Buffer.from('abc '.repeat(100)))
  t.equal(blocks.buffer.byteLength, blocks.length)
})
