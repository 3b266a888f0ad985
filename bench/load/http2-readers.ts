import { connect } from 'node:http2'
import { once } from 'node:events'
import type { Crowd } from './messages.ts'
import { pathOf } from './request.ts'
import type { Tally } from './tally.ts'

/** Readers over HTTP/2, spread evenly over a number of connections. */
export class Http2Readers {
  readonly #crowd: Crowd
  readonly #tally: Tally

  constructor (crowd: Crowd, tally: Tally) {
    this.#crowd = crowd
    this.#tally = tally
  }

  async open (): Promise<number> {
    const { port, readers, sessions } = this.#crowd
    const each = Math.ceil(readers / sessions)
    const opened = Array.from({ length: sessions }, async (_, index) => {
      const session = connect(`http://127.0.0.1:${port}`)
      session.on('error', () => {})
      await once(session, 'connect')
      const first = index * each
      return Promise.all(Array.from({ length: Math.min(each, readers - first) }, (_, i) => this.#request(session, first + i)))
    })
    return (await Promise.all(opened)).flat().filter(Boolean).length
  }

  #request (session: ReturnType<typeof connect>, reader: number): Promise<boolean> {
    return new Promise((resolve) => {
      const stream = session.request({ ':path': pathOf(this.#crowd, reader), accept: 'text/event-stream' })
      let isOpen = false
      stream.on('error', () => {})
      stream.once('response', (headers) => {
        isOpen = headers[':status'] === 200
        resolve(isOpen)
      })
      stream.on('data', (segment: Buffer) => {
        this.#tally.arrived(segment.length)
        this.#tally.read(reader, segment, 0, segment.length)
      })
      stream.once('close', () => {
        if (isOpen) this.#tally.cut++
        resolve(false)
      })
    })
  }
}
