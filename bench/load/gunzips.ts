import { createGunzip, type Gunzip } from 'node:zlib'
import type { Body } from './body.ts'

/** Decompresses the bodies of readers that accept gzip. */
export class Gunzips implements Body {
  readonly #gunzips = new Map<number, Gunzip>()
  readonly #body: Body
  readonly #failed: (reader: number) => void

  constructor (body: Body, failed: (reader: number) => void) {
    this.#body = body
    this.#failed = failed
  }

  read (reader: number, buffer: Uint8Array, start: number, end: number): void {
    this.#of(reader).write(Buffer.copyBytesFrom(buffer, start, end - start))
  }

  #of (reader: number): Gunzip {
    let gunzip = this.#gunzips.get(reader)
    if (gunzip === undefined) {
      gunzip = createGunzip()
      gunzip.on('data', (plain: Buffer) => this.#body.read(reader, plain, 0, plain.length))
      gunzip.once('error', () => this.#failed(reader))
      this.#gunzips.set(reader, gunzip)
    }
    return gunzip
  }
}
