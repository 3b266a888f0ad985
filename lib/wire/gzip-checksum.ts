import { crc32 } from 'node:zlib'

// Computes the checksums of gzip streams that share compressed blocks.

/** The checksum of the uncompressed bytes of a gzip stream so far, as its trailer will state it. */
export interface Checksum {
  /** The CRC-32 of RFC 1952. */
  readonly crc: number
  /** The number of bytes. */
  readonly length: number
}

/** The checksum of no bytes. */
export const NOTHING: Checksum = { crc: 0, length: 0 }

/** Continues a checksum with further bytes. */
export function checksumAfter ({ crc, length }: Checksum, bytes: Buffer): Checksum {
  return { crc: crc32(bytes, crc), length: length + bytes.length }
}

/**
 * Continues a checksum with bytes that another stream has already summed. CRC-32 is linear, so the bytes are not read again.
 *
 * @param own The checksum to continue.
 * @param from The checksum of the other stream before those bytes.
 * @param to The checksum of the other stream after them.
 */
export function checksumAlong (own: Checksum, from: Checksum, to: Checksum): Checksum {
  const length = to.length - from.length
  const crc = (multiply(powerOfBytes(length), own.crc ^ from.crc) ^ to.crc) >>> 0
  return { crc, length: own.length + length }
}

// Arithmetic of polynomials over GF(2), modulo the polynomial of CRC-32. The highest bit is the coefficient of x^0.

const MODULUS = 0xedb88320
const ONE = 0x80000000
const X = 0x40000000

function multiply (a: number, b: number): number {
  let product = 0
  for (let bit = ONE, term = b; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= term
    term = (term & 1) === 0 ? term >>> 1 : (term >>> 1) ^ MODULUS
  }
  return product
}

/** The powers x^(2^0), x^(2^1), … x^(2^31). They repeat, because x^(2^32) is x. */
const SQUARES = new Uint32Array(32)
SQUARES[0] = X
for (let at = 1; at < SQUARES.length; at++) SQUARES[at] = multiply(SQUARES[at - 1]!, SQUARES[at - 1]!)

/** Computes x^(8 * bytes), the factor by which that many further bytes shift a CRC. */
function powerOfBytes (bytes: number): number {
  let power = ONE
  // Division instead of bit shifts, because a stream may be longer than 32 bits can count.
  for (let left = bytes, at = 3; left > 0; left = Math.floor(left / 2), at++) {
    if (left % 2 === 1) power = multiply(power, SQUARES[at % SQUARES.length]!)
  }
  return power
}
