import { request, type ClientRequest } from 'node:http'
import { EventStreamParser } from '../../client/wire/event-stream-parser.ts'

/** A reader that keeps everything it gets, and goes on at another node, or at the same one, whenever its connection ends. */
export class HoppingReader {
  /** The payloads, in the order of their arrival. */
  readonly payloads: string[] = []
  /** The payloads, and in their places the reasons of the gaps, as `gap: reason`. */
  readonly got: string[] = []
  /** The reasons of the gaps. */
  readonly gaps: string[] = []
  lastEventId = ''
  connections = 0
  /** The reconnection times that the streams have set, in milliseconds. */
  readonly retries: number[] = []
  /** True if a stream ended or failed without the reader's doing. */
  wasCut = false
  readonly #ports: () => readonly number[]
  readonly #path: string
  #port: number
  #request: ClientRequest | undefined
  #isClosed = false
  #waiting: Array<{ readonly holds: () => boolean, readonly resolve: () => void }> = []

  /** @param ports The ports of the nodes that can be reached now. */
  constructor (ports: () => readonly number[], port = ports()[0]!, path = '/events') {
    this.#path = path
    this.#ports = ports
    this.#port = port
  }

  /** Connects. @returns A promise that resolves with the first event of the stream. */
  connect (port = this.#port): Promise<void> {
    this.#port = port
    this.connections++
    return new Promise((resolve) => {
      const parser = new EventStreamParser({
        event: ({ type, data, lastEventId }) => {
          this.lastEventId = lastEventId
          if (type === 'message') {
            this.payloads.push(data)
            this.got.push(data)
          } else if (type === 'sse.gap') {
            const { reason } = JSON.parse(data) as { reason: string }
            this.gaps.push(reason)
            this.got.push(`gap: ${reason}`)
          }
          if (type === 'sse.open') resolve()
          this.#look()
        },
        retry: (time) => { this.retries.push(time) }
      }, this.lastEventId)
      const headers = { accept: 'text/event-stream', ...this.lastEventId === '' ? {} : { 'last-event-id': this.lastEventId } }
      const current = request({ port, host: '127.0.0.1', path: this.#path, headers, agent: false })
      this.#request = current
      const goOn = (): void => {
        if (this.#isClosed || this.#request !== current) return
        this.wasCut = true
        this.#request = undefined
        setTimeout(() => {
          const ports = this.#ports()
          if (!this.#isClosed && this.#request === undefined) void this.connect(ports[this.connections % ports.length]!).then(resolve)
        }, this.retries.at(-1) ?? 20)
      }
      current.on('response', (response) => {
        response.setEncoding('utf8')
        response.on('data', (piece: string) => { if (this.#request === current) parser.push(piece) })
        response.on('error', goOn)
        response.on('close', goOn)
      })
      current.on('error', goOn)
      current.end()
    })
  }

  /** Leaves the stream in the middle, and goes on at another node. */
  hop (port: number): Promise<void> {
    const old = this.#request
    this.#request = undefined
    old?.destroy()
    return this.connect(port)
  }

  /** Waits until a payload has come. @returns Everything until then. */
  async upTo (payload: string): Promise<string[]> {
    await this.until(() => this.payloads.includes(payload))
    return this.got
  }

  close (): void {
    this.#isClosed = true
    this.#request?.destroy()
  }

  /** Waits until a condition holds. It is looked at after each event. */
  until (holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }))
  }

  #look (): void {
    for (const waiting of this.#waiting) if (waiting.holds()) waiting.resolve()
    this.#waiting = this.#waiting.filter(({ holds }) => !holds())
  }
}
