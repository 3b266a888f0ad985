import { crc32 } from 'node:zlib'

/** What the trailer of a gzip stream says of all bytes before it, as far as they have gone. */
export interface Checksum {
  /** CRC-32 as RFC 1952 has it. */
  readonly crc: number
  readonly length: number
}

export const NOTHING: Checksum = { crc: 0, length: 0 }

/** The sum after further bytes. */
export function checksumAfter ({ crc, length }: Checksum, bytes: Buffer): Checksum {
  return { crc: crc32(bytes, crc), length: length + bytes.length }
}

/**
 * The sum of a stream that was continued by the bytes which led another from one sum to a later one. They are not looked at again:
 * CRC-32 is linear.
 */
export function checksumAlong (own: Checksum, from: Checksum, to: Checksum): Checksum {
  const length = to.length - from.length
  const crc = (multiply(powerOfBytes(length), own.crc ^ from.crc) ^ to.crc) >>> 0
  return { crc, length: own.length + length }
}

// Polynomials over GF(2) of a degree below 32, the highest bit for x^0, modulo that of CRC-32.

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

/** x^(2^0), x^(2^1), and so on: x^(2^32) is x again. */
const SQUARES = new Uint32Array(32)
SQUARES[0] = X
for (let at = 1; at < SQUARES.length; at++) SQUARES[at] = multiply(SQUARES[at - 1]!, SQUARES[at - 1]!)

/** x^(8 * bytes): what so many bytes do to the sum before them. */
function powerOfBytes (bytes: number): number {
  let power = ONE
  // Not by bits: a stream may be longer than 32 of them can say.
  for (let left = bytes, at = 3; left > 0; left = Math.floor(left / 2), at++) {
    if (left % 2 === 1) power = multiply(power, SQUARES[at % SQUARES.length]!)
  }
  return power
}
