import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Server, type Socket } from 'node:net'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { Audience } from './audience.ts'
import { listenOn, PATH } from './listening.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

/** The least that Node can do: one buffer for each event, written to each reader, with no regard to back-pressure. */
export default class Floor implements Contestant {
  readonly title = `floor: prepared buffers, Node ${process.versions.node}`
  readonly can = { http2: true, compress: false, channels: true, heartbeats: true }
  readonly #audience = new Audience<Socket | ServerHttp2Stream>()
  #isHttp2 = false

  async start (setup: Setup): Promise<Address> {
    this.#isHttp2 = setup.http2
    const { heartbeatInterval } = setup
    if (heartbeatInterval !== false) setInterval(() => this.#write(':\n', this.#audience.all()), heartbeatInterval)
    return listenOn(setup.http2 ? this.#http2() : this.#http1(), setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    this.#write(`data: ${JSON.stringify(payload)}\n\n`, this.#audience.of(channel))
  }

  count (): number {
    return this.#audience.size
  }

  async close (): Promise<void> {
    for (const reader of this.#audience.all()) reader.destroy()
  }

  #http1 (): Server {
    return createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {})
      socket.once('data', (head) => {
        socket.write(HEAD)
        this.#add(socket, head.toString('latin1').split(' ', 2)[1]!)
      })
    })
  }

  #http2 (): Server {
    return createHttp2Server().on('stream', (stream, headers) => {
      stream.on('error', () => {})
      stream.respond({ ':status': 200, 'content-type': 'text/event-stream' })
      this.#add(stream, headers[':path']!)
    })
  }

  #add (reader: Socket | ServerHttp2Stream, url: string): void {
    const channel = url.slice(PATH.length + 1) || undefined
    this.#audience.add(reader, channel)
    reader.once('close', () => this.#audience.delete(reader, channel))
    reader.resume()
  }

  #write (text: string, readers: Iterable<Socket | ServerHttp2Stream>): void {
    const buffer = Buffer.from(this.#isHttp2 ? text : `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
    for (const reader of readers) reader.write(buffer)
  }
}
