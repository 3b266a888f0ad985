import { get, type Agent } from 'node:http'
import type { Readable } from 'node:stream'
import { constants, createGunzip, gunzipSync } from 'node:zlib'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { until, type AfterTest } from './raw-reader.ts'

// Reads event streams in any content coding, over any protocol: decodes bytes on arrival without waiting for more, and keeps the bytes
// as received.

export interface Ask {
  readonly path?: string
  /** The value of `Accept-Encoding`; absent: no such header. */
  readonly accepts?: string | undefined
  readonly lastEventId?: string | undefined
  readonly agent?: Agent | false
}

export class CodedReader {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readable
  /** The decoded text so far. */
  text = ''
  readonly events: EventSourceMessage[] = []
  /** True when the response has ended by the rules of its protocol and of its content coding. */
  isComplete = false
  /** The latest fault, if any. */
  fault: string | undefined
  readonly #pieces: Buffer[] = []
  readonly #parser = createParser({ onEvent: (event) => this.events.push(event), onError: (error) => { this.fault = error.message } })

  constructor (headers: Readonly<Record<string, unknown>>, body: Readable) {
    this.headers = headers
    this.body = body
    body.on('data', (piece: Buffer) => this.#pieces.push(piece))
    const failed = (error: Error): void => { this.fault = error.message }
    body.on('error', failed)
    const decoded = headers['content-encoding'] === 'gzip' ? body.pipe(createGunzip({ flush: constants.Z_SYNC_FLUSH })).on('error', failed) : body
    const utf8 = new TextDecoder()
    decoded.on('data', (piece: Buffer) => this.#take(utf8.decode(piece, { stream: true })))
    decoded.on('end', () => { this.isComplete = true })
  }

  /** Requests a stream from a port of loopback over HTTP/1.1; disconnects after the test. */
  static open (t: AfterTest, port: number, { path = '/events', accepts, lastEventId, agent = false }: Ask = {}): Promise<CodedReader> {
    const headers: Record<string, string> = {}
    if (accepts !== undefined) headers['accept-encoding'] = accepts
    if (lastEventId !== undefined) headers['last-event-id'] = lastEventId
    return new Promise((resolve, reject) => {
      const request = get({ port, host: '127.0.0.1', path, headers, agent }, (response) => resolve(new CodedReader(response.headers, response)))
      request.on('error', reject)
      t.after(() => request.destroy())
    })
  }

  get coding (): unknown { return this.headers['content-encoding'] }

  get bytes (): Buffer { return Buffer.concat(this.#pieces) }

  /** The data of all events of a type; absent: of unnamed events. */
  heard (type?: string): string[] {
    return this.events.filter(({ event }) => event === type).map(({ data }) => data)
  }

  async sees (holds: (reader: this) => boolean): Promise<this> {
    await until(() => this.fault !== undefined || holds(this))
    if (this.fault !== undefined) throw new Error(`${this.fault}, after ${JSON.stringify(this.text.slice(-200))}`)
    return this
  }

  /** Waits for the end. @throws when the body decodes differently as a whole, has a wrong length or CRC-32, or has trailing bytes. */
  async seesWhole (): Promise<this> {
    await this.sees(({ isComplete }) => isComplete)
    if (this.coding !== 'gzip') return this
    const { bytes } = this
    const { buffer, engine } = gunzipSync(bytes, { info: true }) as unknown as { buffer: Buffer, engine: { bytesWritten: number } }
    if (buffer.toString() !== this.text) throw new Error('the whole is not the sum of its parts')
    if (engine.bytesWritten !== bytes.length) throw new Error(`${bytes.length - engine.bytesWritten} bytes follow the end`)
    return this
  }

  #take (text: string): void {
    this.text += text
    this.#parser.feed(text)
  }
}
