import type { ResponseWriter } from './response-writer.ts'
import { type Chunk, createChunk } from '../wire/http-chunk.ts'
import { NOTHING, type Checksum, checksumAfter, checksumAlong } from '../wire/gzip-checksum.ts'
import { GZIP_HEADER, gzipEnd, storedBlocks } from '../wire/gzip.ts'

/** Writes a gzip stream to one reader. Shared chunks are compressed already; chunks for this reader alone become stored blocks. */
export class GzipWriter implements ResponseWriter {
  readonly #writer: ResponseWriter
  #hasBegun = false
  /** The checksum of the reader's stream, without the shared chunks from `#from` to `#to`. */
  #sum: Checksum = NOTHING
  /** The checksum of the shared chunks where this reader began to follow them. */
  #from: Checksum = NOTHING
  /** The checksum of the shared chunks up to which this reader has followed them. */
  #to: Checksum = NOTHING

  /** @param writer An unused writer. The first chunk must be for this reader alone, because the gzip header is written with it. */
  constructor (writer: ResponseWriter) {
    this.#writer = writer
  }

  write (chunk: Chunk): boolean {
    const { sums, unframed: plain } = chunk
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

  endIncomplete (): void {
    this.#writer.endIncomplete()
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

  /** Adds the shared chunks from `#from` to `#to` to the checksum. */
  #addUp (): void {
    this.#sum = checksumAlong(this.#sum, this.#from, this.#to)
    this.#from = this.#to
  }
}
