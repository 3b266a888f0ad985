import { Buffer } from 'node:buffer'
import { constants, deflateRawSync } from 'node:zlib'
import type { Checksum } from './gzip-checksum.ts'

// The parts of a gzip stream (RFC 1952) of deflate blocks (RFC 1951).

/** No name, no time, of no system in particular. */
export const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])

// One that is final, of fixed codes, with nothing in it.
const LAST_BLOCK = [0x03, 0x00]

const MAX_STORED_BYTES = 0xffff

/**
 * Bytes as blocks that refer to nothing before them, and end on a whole byte: they can stand behind any others, and all of them is
 * read as soon as it has come.
 */
export function deflatedBlocks (bytes: Buffer): Buffer {
  const blocks = deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH })
  // In memory of its own: it would hold on to the 16 KiB that it was made in.
  const own = Buffer.allocUnsafeSlow(blocks.length)
  blocks.copy(own)
  return own
}

/** The same without compressing them: the parts that follow each other. */
export function storedBlocks (bytes: Buffer): Buffer[] {
  const parts = []
  for (let start = 0; start < bytes.length; start += MAX_STORED_BYTES) {
    const part = bytes.subarray(start, start + MAX_STORED_BYTES)
    const head = Buffer.alloc(5)
    head.writeUInt16LE(part.length, 1)
    head.writeUInt16LE(~part.length & 0xffff, 3)
    parts.push(head, part)
  }
  return parts
}

/** The end of a stream, behind whole blocks. @param sum Of all that is in them. */
export function gzipEnd ({ crc, length }: Checksum): Buffer {
  const end = Buffer.from([...LAST_BLOCK, 0, 0, 0, 0, 0, 0, 0, 0])
  end.writeUInt32LE(crc, 2)
  end.writeUInt32LE(length % 2 ** 32, 6)
  return end
}
