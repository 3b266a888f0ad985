import { get, type Agent } from 'node:http'
import type { Readable } from 'node:stream'
import { constants, createGunzip, gunzipSync } from 'node:zlib'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { until, type AfterTest } from './raw-reader.ts'

// A reader of event streams in any coding, of any protocol: it decodes what has come, waits for nothing that may follow, and keeps the
// bytes as they came.

export interface Ask {
  readonly path?: string
  /** What it says in `Accept-Encoding`; absent: it says nothing. */
  readonly accepts?: string | undefined
  readonly lastEventId?: string | undefined
  readonly agent?: Agent | false
}

export class CodedReader {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Readable
  /** What is in the bytes, as far as they have come. */
  text = ''
  readonly events: EventSourceMessage[] = []
  /** The answer has come to its end by the rules of its protocol, and so has what it is coded in. */
  isComplete = false
  /** What is wrong, if anything is. */
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

  /** Asks a port of loopback in HTTP/1.1, and leaves after the test. */
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

  /** The data of events of a type. */
  heard (type?: string): string[] {
    return this.events.filter(({ event }) => event === type).map(({ data }) => data)
  }

  async sees (holds: (reader: this) => boolean): Promise<this> {
    await until(() => this.fault !== undefined || holds(this))
    if (this.fault !== undefined) throw new Error(`${this.fault}, after ${JSON.stringify(this.text.slice(-200))}`)
    return this
  }

  /** Waits for its end. @throws where the bytes as a whole are not what was read piece by piece, or not as long, or of another CRC-32, than their end says. */
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
