import { EventEmitter, once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

// A server on loopback, and a reader that sees every byte as received: shared by the tests over real sockets.

/** The part of an application, with any kind of server, that a test needs. */
export interface AnyApp {
  listen (options: { port: number, host: string }): PromiseLike<string>
  close (): PromiseLike<unknown>
  readonly server: { address (): unknown }
}

export interface AfterTest {
  after (callback: () => unknown): void
}

/** Listens on a free port of loopback; closes after the test. */
export async function listen (t: AfterTest, app: AnyApp): Promise<number> {
  t.after(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

/** A promise that the test resolves by hand, to force the order of events. */
export interface Gate {
  readonly passed: Promise<void>
  open (): void
}

export function gate (): Gate {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => { open = resolve })
  return { passed, open }
}

/** Polls until a condition holds; the timeout of the test is the only limit. */
export async function until (holds: () => boolean): Promise<void> {
  // Polls often at first, and then leaves the processor to others.
  for (let pause = 1; !holds(); pause = Math.min(pause * 1.1, 10)) await new Promise((resolve) => setTimeout(resolve, pause))
}

/** Waits for one turn of the event loop. */
export function turn (): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A response as received on the wire. */
export interface RawAnswer {
  readonly status: number
  /** By lower-case name, with one value per occurrence. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** The body so far, without its transfer coding. */
  readonly body: string
  /** True when the body has ended by the rules of HTTP/1.1. */
  readonly complete: boolean
}

/**
 * A reader on a bare socket: no HTTP client hides what is broken.
 */
export class RawReader {
  readonly socket: Duplex
  readonly packets: Buffer[] = []
  /** True once the server has ended its half: a FIN arrived. */
  ended = false
  closed = false
  error: NodeJS.ErrnoException | undefined
  readonly #parser = new AnswerParser()
  readonly #changes = new EventEmitter()
  #bytes: Buffer | undefined
  /** The packets that are not parsed yet: a fault in them is thrown at the test that looks. */
  #unparsed: Buffer[] = []

  constructor (socket: Duplex) {
    this.socket = socket
    socket.on('data', (packet: Buffer) => this.#changed(() => {
      this.packets.push(packet)
      this.#unparsed.push(packet)
    }))
    socket.on('end', () => this.#changed(() => { this.ended = true }))
    socket.on('close', () => this.#changed(() => { this.closed = true }))
    socket.on('error', (error) => this.#changed(() => { this.error = error }))
  }

  /** Connects to a port of loopback; disconnects after the test. */
  static async connect (t: AfterTest, port: number): Promise<RawReader> {
    const socket = connect(port, '127.0.0.1')
    t.after(() => socket.destroy())
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new RawReader(socket)
  }

  /** Sends requests without bodies in one packet, each as `GET /path` with any further header lines. */
  ask (...requests: string[]): this {
    const text = requests.map((request) => {
      const [line, ...headers] = request.split('\n')
      this.#parser.expect(line!.split(' ')[0]!)
      const version = line!.includes(' HTTP/') ? '' : ' HTTP/1.1'
      return [`${line}${version}`, 'host: localhost', ...headers, '', ''].join('\r\n')
    })
    this.socket.write(text.join(''))
    return this
  }

  get bytes (): Buffer {
    this.#bytes ??= Buffer.concat(this.packets)
    return this.#bytes
  }

  /** The responses so far, as they are now. */
  get answers (): RawAnswer[] {
    this.#parse()
    return this.#parser.answers.map((answer) => ({ ...answer }))
  }

  /** The events of the first response so far, by an independent parser. */
  get events (): EventSourceMessage[] {
    this.#parse()
    return [...this.#parser.events]
  }

  /** Waits until a predicate holds. @throws when the connection closes first. */
  async sees (holds: (reader: this) => boolean): Promise<this> {
    while (!holds(this)) {
      if (this.closed) throw new Error(`The connection closed first, after ${JSON.stringify(this.bytes.toString('latin1').slice(-500))}`)
      await once(this.#changes, 'change')
    }
    return this
  }

  /** Waits until the first response holds `count` events of a type. */
  seesEvents (event: string | undefined, count = 1): Promise<this> {
    return this.sees(({ events }) => events.filter((one) => one.event === event).length >= count)
  }

  async seesClose (): Promise<this> {
    while (!this.closed) await once(this.#changes, 'change')
    return this
  }

  #parse (): void {
    const packets = this.#unparsed
    this.#unparsed = []
    for (const packet of packets) this.#parser.feed(packet)
    if (this.ended) this.#parser.end()
  }

  #changed (change: () => void): void {
    change()
    this.#bytes = undefined
    this.#changes.emit('change')
  }
}

/** Parses an event stream with an independent parser. */
export function parseEvents (body: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event), onError: (error) => { throw error } })
  parser.feed(body)
  return events
}

/** The methods whose responses have no body, and the statuses. */
const BODILESS = /^(HEAD|204|304)$/

/** Parses the responses of a connection as they arrive: a stream may hold megabytes, and its test looks after every packet. */
class AnswerParser {
  readonly answers: Array<{ -readonly [key in keyof RawAnswer]: RawAnswer[key] }> = []
  readonly #events: EventSourceMessage[] = []
  readonly #eventParser = createParser({ onEvent: (event) => this.#events.push(event), onError: (error) => { throw error } })
  /** The pieces of the first body that are not parsed as events yet: it may be something else. */
  #pieces: string[] = []
  readonly #methods: string[] = []
  #rest: Buffer = Buffer.alloc(0)
  #state: 'head' | 'size' | 'body' | 'end of chunk' = 'head'
  /** Bytes that are missing from the current chunk, or from a body without chunks; infinite if the end of the connection ends it. */
  #missing = 0
  #isChunked = false
  #isLastChunk = false
  #decoder = new StringDecoder()

  get events (): readonly EventSourceMessage[] {
    const pieces = this.#pieces
    this.#pieces = []
    for (const piece of pieces) this.#eventParser.feed(piece)
    return this.#events
  }

  /** Notes the method of the next request. */
  expect (method: string): void {
    this.#methods.push(method)
  }

  feed (packet: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, packet])
    while (this.#step());
  }

  /** The connection has ended. */
  end (): void {
    if (this.#state === 'body' && this.#missing === Infinity) this.#complete()
  }

  /** @returns False if more bytes must come first. */
  #step (): boolean {
    switch (this.#state) {
      case 'head': return this.#takeHead()
      case 'size': return this.#takeSize()
      case 'body': return this.#takeBody()
      case 'end of chunk': return this.#takeEndOfChunk()
    }
  }

  #takeHead (): boolean {
    const head = this.#takeUpTo('\r\n\r\n')
    if (head === undefined) return false
    const [statusLine, ...lines] = head.split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine!)?.[1])
    if (Number.isNaN(status)) throw new Error(`Not an answer: ${JSON.stringify(head.slice(0, 200))}`)
    const headers: Record<string, string[]> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      const values = headers[line.slice(0, colon).toLowerCase()] ??= []
      values.push(line.slice(colon + 1).trim())
    }
    const hasBody = !BODILESS.test(String(status)) && !BODILESS.test(this.#methods[this.answers.length] ?? '')
    this.answers.push({ status, headers, body: '', complete: false })
    this.#isChunked = hasBody && headers['transfer-encoding']?.[0] === 'chunked'
    this.#missing = hasBody ? Number(headers['content-length']?.[0] ?? Infinity) : 0
    this.#state = this.#isChunked ? 'size' : 'body'
    return true
  }

  #takeSize (): boolean {
    const size = this.#takeUpTo('\r\n')
    if (size === undefined) return false
    if (!/^[0-9a-f]+$/.test(size)) throw new Error(`Not the head of a chunk: ${JSON.stringify(size.slice(0, 100))}`)
    this.#missing = parseInt(size, 16)
    this.#isLastChunk = this.#missing === 0
    this.#state = 'body'
    return true
  }

  #takeBody (): boolean {
    const bytes = this.#take(Math.min(this.#missing, this.#rest.length))
    this.#missing -= bytes.length
    this.#append(this.#decoder.write(bytes))
    if (this.#missing > 0) return false
    if (this.#isChunked) this.#state = 'end of chunk'
    else this.#complete()
    return true
  }

  #takeEndOfChunk (): boolean {
    if (this.#rest.length < 2) return false
    if (this.#take(2).toString() !== '\r\n') throw new Error('A chunk does not end where its head says')
    if (this.#isLastChunk) this.#complete()
    else this.#state = 'size'
    return true
  }

  #complete (): void {
    this.#append(this.#decoder.end())
    this.answers.at(-1)!.complete = true
    this.#state = 'head'
  }

  #append (text: string): void {
    this.answers.at(-1)!.body += text
    if (this.answers.length === 1) this.#pieces.push(text)
  }

  #take (length: number): Buffer {
    const bytes = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return bytes
  }

  /** Takes the bytes before a mark, and the mark. */
  #takeUpTo (mark: string): string | undefined {
    const end = this.#rest.indexOf(mark)
    if (end === -1) return undefined
    return this.#take(end + mark.length).toString('latin1', 0, end)
  }
}
