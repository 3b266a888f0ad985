import { Buffer } from 'node:buffer'
import { constants, deflateRawSync } from 'node:zlib'
import type { Checksum } from './gzip-checksum.ts'

// Encodes the parts of a gzip stream (RFC 1952): header, deflate blocks (RFC 1951), trailer.

/** The header: no file name, no modification time, operating system unknown. */
export const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])

// An empty final block with fixed Huffman codes.
const LAST_BLOCK = [0x03, 0x00]

const MAX_STORED_BYTES = 0xffff

/**
 * Compresses bytes to blocks that refer to nothing before them and end on a byte boundary. They can follow any other blocks, and a reader
 * can decompress them completely as soon as they have arrived.
 */
export function deflatedBlocks (bytes: Buffer): Buffer {
  const blocks = deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH })
  // Copied, because the result would keep zlib's 16 KiB output buffer alive.
  const own = Buffer.allocUnsafeSlow(blocks.length)
  blocks.copy(own)
  return own
}

/**
 * Wraps bytes in stored blocks, which are not compressed.
 *
 * @returns The parts of the blocks, in order.
 */
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

/**
 * Encodes the end of a stream: a final block and the trailer.
 *
 * @param sum The checksum of all uncompressed bytes of the stream.
 */
export function gzipEnd ({ crc, length }: Checksum): Buffer {
  const end = Buffer.from([...LAST_BLOCK, 0, 0, 0, 0, 0, 0, 0, 0])
  end.writeUInt32LE(crc, 2)
  end.writeUInt32LE(length % 2 ** 32, 6)
  return end
}
