import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// A reader for crowds and floods: it counts numbered events and checks their order, and keeps no text.

/** The data of `sse.gap`. */
export interface ToldGap {
  readonly reason: string
  readonly lastEventId?: string
  readonly oldestEventId?: string
}

/** Where a reader sends its last event ID. */
export type ResumeBy = 'header' | 'query'

export interface ConnectOptions {
  readonly path?: string
  /** Where to send the last event ID, if there is one. */
  readonly by?: ResumeBy | undefined
  /** Reads nothing before `resume()` or `socket.read()`. */
  readonly paused?: boolean
  /** Disconnects after this many bytes, even in the middle of an event. */
  readonly cutAfter?: number | undefined
}

/** The payload of a numbered event. */
export function numbered (number: number, fill = 0): string {
  return `${number} ${'x'.repeat(fill)};`
}

const LF = 10
const CR = 13
const DIGIT_0 = 48
const DIGIT_9 = 57
const SEMICOLON = 59
const COLON = 58
const DATA = 'd'.charCodeAt(0)
const ID = 'i'.charCodeAt(0)
const ID_FIELD = 'id: '.length
const DATA_FIELD = 'data: '.length
const EVENT_END = Buffer.from('\n\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const SCRATCH = Buffer.alloc(256 * 1024)
const NOTHING = Buffer.alloc(0)
const FEW = 5

/**
 * One reader, over any number of connections.
 *
 * Checks the frame of every chunk, the form and the length of every event, and that each number follows the previous one,
 * except after a gap.
 */
export class NumberedReader {
  readonly #port: number
  readonly #fill: number
  /** The current connection. */
  socket!: Socket
  connections = 0
  /** The count of numbered events. */
  count = 0
  first: number | undefined
  last: number | undefined
  /** The count of `sse.open` events, over all connections. */
  opens = 0
  readonly gaps: ToldGap[] = []
  /** The event ID of the newest gap. */
  gapId: string | undefined
  /** The plugin's events other than `sse.open` and `sse.gap`. */
  readonly others: string[] = []
  /** The first few faults. */
  readonly faults: string[] = []
  /** The head of the current response; empty until it is complete. */
  head = ''
  /** True when the current response has ended by the rules of chunked coding. */
  complete = false
  /** True when the current connection is closed. */
  closed = true
  /** Bytes received over the current connection. */
  received = 0
  #lastEventId: string | undefined
  /** The newest event ID as a range of the bytes being read: a kept slice would retain all of them. */
  #idBytes: Buffer = NOTHING
  #idFrom = 0
  #idTo = 0
  #gap: ToldGap | undefined
  /** The pieces of a head or of an event that has arrived in part; none is empty. */
  #partial: Buffer[] = []
  #state: 'head' | 'size' | 'data' | 'end of data' = 'head'
  #size = 0
  #eventLength = 0
  #cutAfter = Infinity

  /** @param fill The `fill` of the expected payloads. */
  constructor (port: number, fill = 0) {
    this.#port = port
    this.#fill = fill
  }

  get lastEventId (): string | undefined { return this.#lastEventId }

  connect ({ path = '/events', by, paused = false, cutAfter = Infinity }: ConnectOptions = {}): this {
    const id = this.#lastEventId
    const query = by === 'query' && id !== undefined ? `?lastEventId=${encodeURIComponent(id)}` : ''
    const header = by === 'header' && id !== undefined ? `last-event-id: ${id}\r\n` : ''
    return this.ask(`GET ${path}${query} HTTP/1.1\r\nhost: localhost\r\n${header}\r\n`, { paused, cutAfter })
  }

  /** Connects, and sends a request that the test has written. */
  ask (request: string, { paused = false, cutAfter = Infinity }: Pick<ConnectOptions, 'paused' | 'cutAfter'> = {}): this {
    const at = { port: this.#port, host: '127.0.0.1' }
    const socket: Socket = paused
      ? connect(at)
      // `callback` has consumed the bytes when it returns, so one buffer serves all readers.
      : connect({ ...at, onread: { buffer: SCRATCH, callback: (length, bytes) => this.#take(socket, bytes as Buffer, length) } })
    this.socket = socket
    this.connections++
    this.head = ''
    this.complete = this.closed = false
    this.received = this.#size = 0
    this.#partial = []
    this.#state = 'head'
    this.#cutAfter = cutAfter
    socket.on('error', () => {})
    socket.once('close', () => { if (this.socket === socket) this.closed = true })
    socket.write(request)
    return this
  }

  /** Starts to read after a paused `connect`. */
  resume (): this {
    const { socket } = this
    if (socket.listenerCount('data') === 0) socket.on('data', (piece: Buffer) => this.#take(socket, piece, piece.length))
    socket.resume()
    return this
  }

  /** Cuts the connection; an event that has arrived in part is lost. */
  cut (): void {
    this.socket.destroy()
    this.closed = true
  }

  /** Takes bytes that the test has read from the socket. */
  push (piece: Buffer): void {
    this.received += piece.length
    this.#feed(piece)
    if (this.#idBytes !== NOTHING) this.#keepId()
  }

  #take (socket: Socket, bytes: Buffer, length: number): boolean {
    if (socket.destroyed || socket !== this.socket) return true
    const room = this.#cutAfter - this.received
    this.push(bytes.subarray(0, Math.min(length, room)))
    if (length >= room) this.cut()
    return true
  }

  #fault (text: string): void {
    if (this.faults.length < FEW) this.faults.push(text)
  }

  #feed (piece: Buffer): void {
    let at = 0
    while (at < piece.length) {
      if (this.#state === 'head') {
        at = this.#takeHead(piece)
      } else if (this.#state === 'data') {
        const end = Math.min(at + this.#size, piece.length)
        this.#size -= end - at
        this.#takeBody(piece, at, end)
        at = end
        if (this.#size === 0) this.#state = 'end of data'
      } else {
        this.#takeFrame(piece[at++]!)
      }
    }
  }

  #takeHead (piece: Buffer): number {
    const bytes = Buffer.concat([...this.#partial, piece])
    const before = bytes.length - piece.length
    const end = bytes.indexOf(HEAD_END)
    if (end === -1) {
      this.#partial = [bytes]
      return piece.length
    }
    this.#partial = []
    this.head = bytes.toString('latin1', 0, end)
    if (!this.head.startsWith('HTTP/1.1 200 ') || !/\r\ntransfer-encoding: chunked(\r|$)/i.test(this.head)) this.#fault(`unexpected response: ${this.head}`)
    this.#state = 'size'
    return end + HEAD_END.length - before
  }

  #takeFrame (byte: number): void {
    if (byte === CR) return
    if (byte !== LF) {
      const digit = parseInt(String.fromCharCode(byte), 16)
      if (this.#state !== 'size' || this.complete || Number.isNaN(digit)) this.#fault(`not the frame of a chunk: ${byte}`)
      this.#size = this.#size * 16 + digit
    } else if (this.#state === 'end of data') {
      this.#state = 'size'
    } else if (this.#size > 0) {
      this.#state = 'data'
    } else {
      this.complete = true
      // Lines that dispatch no event: `retry` and comments.
      const rest = Buffer.concat(this.#partial).toString('latin1')
      if (!/^((retry: \d+|:)\n)*$/.test(rest)) this.#fault(`ends within an event: ${rest.slice(0, 100)}`)
      this.#state = 'end of data'
    }
  }

  #takeBody (piece: Buffer, from: number, to: number): void {
    let at = from
    if (this.#partial.length > 0) {
      const straddles = this.#partial.at(-1)!.at(-1) === LF && piece[at] === LF
      const found = straddles ? at - 1 : piece.indexOf(EVENT_END, at)
      const isWhole = straddles || (found !== -1 && found + 2 <= to)
      const end = isWhole ? found + 2 : to
      if (!isWhole) {
        this.#partial.push(Buffer.from(piece.subarray(at, end)))
        return
      }
      const bytes = Buffer.concat([...this.#partial, piece.subarray(at, end)])
      at = end
      this.#partial = []
      this.#takeEvent(bytes, 0, bytes.length)
    }
    while (at < to) {
      // Most events are as long as the previous one.
      let end = at + this.#eventLength
      if (end > to || piece[end - 1] !== LF || piece[end - 2] !== LF || piece[end - 3] !== SEMICOLON) {
        const found = piece.indexOf(EVENT_END, at)
        if (found === -1 || found + 2 > to) break
        end = found + 2
      }
      this.#eventLength = end - at
      this.#takeEvent(piece, at, end)
      at = end
    }
    if (at < to) this.#partial = [Buffer.from(piece.subarray(at, to))]
  }

  #takeEvent (bytes: Buffer, from: number, to: number): void {
    let at = from
    // Comments, which keep a silent stream alive.
    while (bytes[at] === COLON) at = bytes.indexOf(LF, at) + 1
    if (bytes[at] === ID) {
      const end = bytes.indexOf(LF, at)
      this.#idBytes = bytes
      this.#idFrom = at + ID_FIELD
      this.#idTo = end
      at = end + 1
    }
    if (bytes[at] !== DATA) return this.#takeOther(bytes.toString('utf8', from, to))
    at += DATA_FIELD
    const start = at
    let number = 0
    for (let byte = bytes[at]!; byte >= DIGIT_0 && byte <= DIGIT_9; byte = bytes[++at]!) number = number * 10 + byte - DIGIT_0
    // The number is followed by a space, the filler, a semicolon and two LF.
    if (at === start || to - at !== this.#fill + 4 || bytes[to - 3] !== SEMICOLON) this.#fault(`torn: ${bytes.toString('latin1', from, Math.min(to, from + 100))}`)
    this.#hear(number)
  }

  #hear (number: number): void {
    if (this.#gap !== undefined) {
      this.#keepId()
      if (this.#gap.oldestEventId !== this.#lastEventId) this.#fault(`${this.#lastEventId} after a gap up to ${this.#gap.oldestEventId}`)
      if (this.last !== undefined && number <= this.last) this.#fault(`${number} comes after ${this.last} and a gap`)
      this.#gap = undefined
    } else if (this.last !== undefined && number !== this.last + 1) {
      this.#fault(`${number} comes after ${this.last}`)
    }
    this.first ??= number
    this.last = number
    this.count++
  }

  #takeOther (text: string): void {
    const [, event] = /^event: (.*)$/m.exec(text) ?? []
    const [, data] = /^data: (.*)$/m.exec(text) ?? []
    if (this.#idBytes !== NOTHING) this.#keepId()
    const id = /^id: (.*)$/m.exec(text)?.[1]
    if (id !== undefined) this.#lastEventId = id
    if (event === 'sse.open') {
      this.opens++
    } else if (event === 'sse.gap') {
      this.gaps.push(this.#gap = JSON.parse(data!) as ToldGap)
      this.gapId = id
    } else if (event?.startsWith('sse.') === true) {
      this.others.push(event)
    } else {
      this.#fault(`unknown event: ${text.slice(0, 100)}`)
    }
  }

  #keepId (): void {
    this.#lastEventId = this.#idBytes.toString('latin1', this.#idFrom, this.#idTo)
    this.#idBytes = NOTHING
  }
}

/** A generator of numbers from 0 up to, but not including, 1, which repeats itself for the same seed. */
export function randomFrom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // Mulberry32.
    state = state + 0x6d2b79f5 >>> 0
    let mixed = Math.imul(state ^ state >>> 15, state | 1)
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
  }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes that this process uses after a garbage collection. */
export function usedBytes (): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Blocks the event loop, without work for the processor. */
export function block (milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** Waits until at most so many bytes are in use, or half a second: V8 frees buffers a few turns later, on a background thread. */
export async function settlesAt (most: number): Promise<number> {
  let used = usedBytes()
  for (let n = 0; n < 10 && used > most; n++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    used = usedBytes()
  }
  return used
}
