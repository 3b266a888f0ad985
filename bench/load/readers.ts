import { connect, type Socket } from 'node:net'
import type { Body } from './body.ts'
import { Chunks } from './chunks.ts'
import { Gunzips } from './gunzips.ts'
import { HeadReader } from './head.ts'
import type { Crowd } from './messages.ts'
import { requestOf } from './request.ts'
import type { Tally } from './tally.ts'

const CONCURRENCY = 128
const CONNECT_LIMIT = 10_000
// The buffer of all readers: the bytes of a read are used before the next read.
const BUFFER = Buffer.allocUnsafeSlow(256 * 1024)

/** Readers over HTTP/1.1, with a connection each. */
export class Readers {
  readonly #crowd: Crowd
  readonly #tally: Tally
  readonly #plain: { readonly chunked: Body, readonly whole: Body }
  readonly #packed: { readonly chunked: Body, readonly whole: Body }

  constructor (crowd: Crowd, tally: Tally) {
    this.#crowd = crowd
    this.#tally = tally
    const gunzips = new Gunzips(tally, () => { tally.cut++ })
    this.#plain = { chunked: new Chunks(crowd.readers, tally), whole: tally }
    this.#packed = { chunked: new Chunks(crowd.readers, gunzips), whole: gunzips }
  }

  /** @returns The number of readers that have received their response head. */
  async open (): Promise<number> {
    let started = 0
    let open = 0
    const line = async (): Promise<void> => {
      while (started < this.#crowd.readers) if (await this.#connect(started++)) open++
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, line))
    return open
  }

  #connect (reader: number): Promise<boolean> {
    return new Promise((resolve) => {
      const { port, stalled } = this.#crowd
      const head = new HeadReader()
      let body: Body | undefined
      const callback = (length: number): boolean => {
        if (body !== undefined) {
          this.#tally.arrived(length)
          body.read(reader, BUFFER, 0, length)
          return true
        }
        const read = head.read(BUFFER, length)
        if (read === undefined) return true
        if (read.head.status !== 200) {
          socket.destroy()
          return false
        }
        body = (read.head.isGzip ? this.#packed : this.#plain)[read.head.isChunked ? 'chunked' : 'whole']
        body.read(reader, BUFFER, read.used, length)
        socket.setTimeout(0)
        resolve(true)
        // False stops the reading: this reader is stalled.
        return reader >= stalled
      }
      const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: BUFFER, callback } })
      socket.write(requestOf(this.#crowd, reader))
      socket.setTimeout(CONNECT_LIMIT, () => socket.destroy())
      socket.once('error', () => {})
      socket.once('close', () => {
        if (body !== undefined && reader >= stalled) this.#tally.cut++
        resolve(false)
      })
    })
  }
}
