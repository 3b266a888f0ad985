import { EventEmitter, once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
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
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1))
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
  readonly #methods: string[] = []
  readonly #changes = new EventEmitter()
  #bytes: Buffer | undefined
  #answers: RawAnswer[] | undefined

  constructor (socket: Duplex) {
    this.socket = socket
    socket.on('data', (packet: Buffer) => this.#changed(() => this.packets.push(packet)))
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
      this.#methods.push(line!.split(' ')[0]!)
      this.#answers = undefined
      const version = line!.includes(' HTTP/') ? '' : ' HTTP/1.1'
      return [`${line}${version}`, 'host: localhost', ...headers, '', ''].join('\r\n')
    })
    this.socket.write(text.join(''))
    return this
  }

  /** Forgets what has come so far. */
  clear (): void {
    this.#changed(() => { this.packets.length = 0 })
  }

  get bytes (): Buffer {
    this.#bytes ??= Buffer.concat(this.packets)
    return this.#bytes
  }

  get answers (): RawAnswer[] {
    this.#answers ??= readAnswers(this.bytes.toString('latin1'), this.#methods, this.ended)
    return this.#answers
  }

  /** The events of the first response, by an independent parser. */
  get events (): EventSourceMessage[] { return parseEvents(this.answers[0]?.body ?? '') }

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

  #changed (change: () => void): void {
    change()
    this.#bytes = this.#answers = undefined
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

function readAnswers (text: string, methods: readonly string[], ended: boolean): RawAnswer[] {
  const answers: RawAnswer[] = []
  let at = 0
  for (;;) {
    const bodyAt = text.indexOf('\r\n\r\n', at) + 4
    if (bodyAt === 3) return answers
    const [statusLine, ...lines] = text.slice(at, bodyAt - 4).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine!)?.[1])
    if (Number.isNaN(status)) throw new Error(`Not an answer: ${JSON.stringify(text.slice(at, at + 200))}`)
    const headers: Record<string, string[]> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      const values = headers[line.slice(0, colon).toLowerCase()] ??= []
      values.push(line.slice(colon + 1).trim())
    }
    const { body, end, complete } = readBody(text, bodyAt, status, headers, methods[answers.length], ended)
    answers.push({ status, headers, body: Buffer.from(body, 'latin1').toString(), complete })
    if (!complete || end === text.length) return answers
    at = end
  }
}

interface RawBody { readonly body: string, readonly end: number, readonly complete: boolean }

function readBody (text: string, at: number, status: number, headers: Record<string, string[]>, method: string | undefined, ended: boolean): RawBody {
  if (method === 'HEAD' || status === 204 || status === 304) return { body: '', end: at, complete: true }
  if (headers['transfer-encoding']?.[0] === 'chunked') return readChunks(text, at)
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length'][0])
  if (length === undefined) return { body: text.slice(at), end: text.length, complete: ended }
  const end = Math.min(at + length, text.length)
  return { body: text.slice(at, end), end, complete: end === at + length }
}

function readChunks (text: string, at: number): RawBody {
  let body = ''
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return { body, end: text.length, complete: false }
    const size = text.slice(at, lineEnd)
    if (!/^[0-9a-f]+$/.test(size)) throw new Error(`Not the head of a chunk: ${JSON.stringify(size.slice(0, 100))}`)
    const end = lineEnd + 2 + parseInt(size, 16)
    if (end + 2 > text.length) return { body: body + text.slice(lineEnd + 2, end), end: text.length, complete: false }
    if (text.slice(end, end + 2) !== '\r\n') throw new Error('A chunk does not end where its head says')
    if (end === lineEnd + 2) return { body, end: end + 2, complete: true }
    body += text.slice(lineEnd + 2, end)
    at = end + 2
  }
}
