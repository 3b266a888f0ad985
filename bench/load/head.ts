/** The facts about a body that the head of its response states. */
interface Head {
  readonly status: number
  readonly isChunked: boolean
  readonly isGzip: boolean
}

const END = '\r\n\r\n'

/** Collects the head of a response from the first reads. */
export class HeadReader {
  #text = ''

  /** @returns The head and the number of these bytes that belong to it; undefined while the head is incomplete. */
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
