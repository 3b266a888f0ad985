/** The readers of a server, by channel. Undefined: the readers of the stream without channels. */
export class Audience<Reader> {
  readonly #readers = new Map<string | undefined, Set<Reader>>()

  add (reader: Reader, channel: string | undefined): void {
    const readers = this.#readers.get(channel)
    if (readers === undefined) this.#readers.set(channel, new Set([reader]))
    else readers.add(reader)
  }

  delete (reader: Reader, channel: string | undefined): void {
    this.#readers.get(channel)?.delete(reader)
  }

  of (channel: string | undefined): Iterable<Reader> {
    return this.#readers.get(channel) ?? []
  }

  * all (): Iterable<Reader> {
    for (const readers of this.#readers.values()) yield * readers
  }

  get size (): number {
    let size = 0
    for (const readers of this.#readers.values()) size += readers.size
    return size
  }
}
