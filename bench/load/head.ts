/** What the head of an answer says of its body. */
interface Head {
  readonly status: number
  readonly isChunked: boolean
  readonly isGzip: boolean
}

const END = '\r\n\r\n'

/** Gathers the head of one answer from its first reads. */
export class HeadReader {
  #text = ''

  /** @returns The head and how many of these bytes were its, as soon as it is complete. */
  read (buffer: Buffer, length: number): { head: Head, used: number } | undefined {
    const before = this.#text.length
    this.#text += buffer.toString('latin1', 0, length)
    const end = this.#text.indexOf(END)
    if (end === -1) return undefined
    const head = this.#text.slice(0, end)
    return {
      head: {
        status: Number(head.slice(9, 12)),
        isChunked: /^transfer-encoding:.*chunked/im.test(head),
        isGzip: /^content-encoding:.*gzip/im.test(head)
      },
      used: end + END.length - before
    }
  }
}
