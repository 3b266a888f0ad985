import { Buffer } from 'node:buffer'
import { constants, gunzipSync, inflateRawSync } from 'node:zlib'
import { GZIP_HEADER } from '../../lib/wire/gzip.ts'

/** Reads a gzip stream write by write, each on its own: none may need what came before it. */
export class GzipReader {
  #received: Buffer = Buffer.alloc(0)
  #text = ''

  /** @returns What is in the bytes. */
  push (bytes: Buffer): string {
    const isFirst = this.#received.length === 0
    if (isFirst && !bytes.subarray(0, GZIP_HEADER.length).equals(GZIP_HEADER)) throw new Error('a gzip stream begins with its header')
    this.#received = Buffer.concat([this.#received, bytes])
    const text = inflateRawSync(isFirst ? bytes.subarray(GZIP_HEADER.length) : bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
    this.#text += text
    return text
  }

  /** What is wrong with the whole, its end included. */
  fault (): string | undefined {
    try {
      return gunzipSync(this.#received).toString() === this.#text ? undefined : 'the whole is not the sum of its parts'
    } catch (error) {
      return (error as Error).message
    }
  }
}
