import { request, type ClientRequest } from 'node:http'
import { EventStreamParser } from '../../client/wire/event-stream-parser.ts'

/** A reader of a run over a socket, which goes on at any node when it was cut off. */
export class RunReader {
  readonly items: string[] = []
  readonly gaps: string[] = []
  readonly ids: string[] = []
  /** The data of `sse.close`; undefined until it has come. */
  end: { readonly reason: string, readonly status?: string } | undefined
  /** The status of the last response that was no stream. */
  refused: number | undefined
  lastEventId = ''
  connections = 0
  readonly #path: string
  #request: ClientRequest | undefined
  #waiting: Array<{ readonly holds: () => boolean, readonly resolve: () => void }> = []

  constructor (id: string) {
    this.#path = `/runs/${encodeURIComponent(id)}`
  }

  /** Connects. When the connection is lost before the end, it goes on at once, at the same node. */
  connect (port: number): this {
    this.cut()
    this.connections++
    this.refused = undefined
    const parser = new EventStreamParser({
      event: ({ type, data, lastEventId }) => {
        if (this.#request !== current) return
        if (type === 'sse.close') this.end = JSON.parse(data) as typeof this.end
        else if (type === 'sse.gap') this.gaps.push((JSON.parse(data) as { reason: string }).reason)
        else if (!type.startsWith('sse.')) {
          this.items.push(data)
          this.ids.push(lastEventId)
        }
        if (type !== 'sse.close') this.lastEventId = lastEventId
        this.#look()
      },
      retry () {}
    }, this.lastEventId)
    const headers = { accept: 'text/event-stream', ...this.lastEventId === '' ? {} : { 'last-event-id': this.lastEventId } }
    const current = request({ port, host: '127.0.0.1', path: this.#path, headers, agent: false })
    this.#request = current
    const goOn = (): void => {
      if (this.#request !== current || this.end !== undefined || this.refused !== undefined) return
      setTimeout(() => { if (this.#request === current) this.connect(port) }, 20)
    }
    current.on('response', (response) => {
      if (response.statusCode !== 200) this.refused = response.statusCode
      this.#look()
      response.setEncoding('utf8').on('data', (piece: string) => parser.push(piece)).on('error', () => {}).on('close', goOn)
    })
    current.on('error', goOn).end()
    return this
  }

  /** Cuts the connection. */
  cut (): void {
    const current = this.#request
    this.#request = undefined
    current?.destroy()
  }

  async until (holds: () => boolean): Promise<this> {
    if (!holds()) await new Promise<void>((resolve) => this.#waiting.push({ holds, resolve }))
    return this
  }

  ended (): Promise<this> {
    return this.until(() => this.end !== undefined || this.refused !== undefined)
  }

  #look (): void {
    for (const { resolve } of this.#waiting.filter(({ holds }) => holds())) resolve()
    this.#waiting = this.#waiting.filter(({ holds }) => !holds())
  }
}
