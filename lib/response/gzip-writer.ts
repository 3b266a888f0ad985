import type { ResponseWriter } from './response-writer.ts'
import { type Chunk, createChunk } from '../wire/http-chunk.ts'
import { NOTHING, type Checksum, checksumAfter, checksumAlong } from '../wire/gzip-checksum.ts'
import { GZIP_HEADER, gzipEnd, storedBlocks } from '../wire/gzip.ts'

/**
 * Brings one reader a gzip stream: what it shares with others comes compressed already, what is for it alone is stored.
 */
export class GzipWriter implements ResponseWriter {
  readonly #writer: ResponseWriter
  #hasBegun = false
  /** Of what its reader was given up to `#from`. */
  #sum: Checksum = NOTHING
  /** Where it began to go along with others, and how far it has come with them. */
  #from: Checksum = NOTHING
  #to: Checksum = NOTHING

  /** @param writer Nothing was written with it yet; what comes first is for its reader alone. */
  constructor (writer: ResponseWriter) {
    this.#writer = writer
  }

  write (chunk: Chunk): boolean {
    const { sums, plain } = chunk
    if (sums === undefined) return this.#writeOwn(plain)
    if (sums.before !== this.#to) {
      this.#addUp()
      this.#from = sums.before
    }
    this.#to = sums.after
    return this.#writer.write(chunk)
  }

  get isOpen (): boolean { return this.#writer.isOpen }

  get backlog (): number { return this.#writer.backlog }

  get isFlushed (): boolean { return this.#writer.isFlushed }

  get mark (): number { return this.#writer.mark }

  get sharedMark (): number { return this.#writer.sharedMark }

  onceDrained (callback: () => void): void {
    this.#writer.onceDrained(callback)
  }

  end (): void {
    this.#addUp()
    this.#writer.write(createChunk([gzipEnd(this.#sum)]))
    this.#writer.end()
  }

  closeConnectionAfterEnd (): void {
    this.#writer.closeConnectionAfterEnd()
  }

  destroy (): void {
    this.#writer.destroy()
  }

  destroyConnection (): void {
    this.#writer.destroyConnection()
  }

  #writeOwn (bytes: Buffer): boolean {
    this.#addUp()
    this.#sum = checksumAfter(this.#sum, bytes)
    const header = this.#hasBegun ? [] : [GZIP_HEADER]
    this.#hasBegun = true
    return this.#writer.write(createChunk([...header, ...storedBlocks(bytes)]))
  }

  #addUp (): void {
    this.#sum = checksumAlong(this.#sum, this.#from, this.#to)
    this.#from = this.#to
  }
}
