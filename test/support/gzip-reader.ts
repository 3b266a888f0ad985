import { Buffer } from 'node:buffer'
import { constants, gunzipSync, inflateRawSync } from 'node:zlib'
import { GZIP_HEADER } from '../../lib/wire/gzip.ts'

/** Decodes a gzip stream write by write: no write may depend on earlier ones. */
export class GzipReader {
  #received: Buffer = Buffer.alloc(0)
  #text = ''

  /** @returns The decoded text. */
  push (bytes: Buffer): string {
    const isFirst = this.#received.length === 0
    if (isFirst && !bytes.subarray(0, GZIP_HEADER.length).equals(GZIP_HEADER)) throw new Error('a gzip stream begins with its header')
    this.#received = Buffer.concat([this.#received, bytes])
    const text = inflateRawSync(isFirst ? bytes.subarray(GZIP_HEADER.length) : bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
    this.#text += text
    return text
  }

  /** The fault of the stream as a whole, including its end; undefined if there is none. */
  fault (): string | undefined {
    try {
      return gunzipSync(this.#received).toString() === this.#text ? undefined : 'the whole is not the sum of its parts'
    } catch (error) {
      return (error as Error).message
    }
  }
}
