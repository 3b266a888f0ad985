import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface Asked { readonly request: IncomingMessage, readonly response: ServerResponse }

/** A server whose requests wait until the test responds to them. */
export class Answering {
  readonly #asked: Asked[] = []
  readonly #wanted: Array<(asked: Asked) => void> = []
  #port = 0
  /** Number of requests received. */
  count = 0

  static async start (t: Test): Promise<Answering> {
    const answering = new Answering()
    const server = createServer((request, response) => answering.#ask({ request, response }))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    answering.#port = (server.address() as AddressInfo).port
    t.teardown(() => {
      server.close()
      server.closeAllConnections()
    })
    return answering
  }

  get url (): string { return `http://127.0.0.1:${this.#port}/events` }

  /** Resolves with the next request. */
  async next (): Promise<Asked> {
    return this.#asked.shift() ?? await new Promise((resolve) => this.#wanted.push(resolve))
  }

  /** Responds to the next request with an event stream that begins with `text`. */
  async stream (text: string | Uint8Array = ':\n', headers: Record<string, string> = { 'content-type': 'text/event-stream' }): Promise<Asked> {
    const asked = await this.next()
    asked.response.writeHead(200, headers)
    asked.response.write(text)
    return asked
  }

  #ask (asked: Asked): void {
    this.count++
    const want = this.#wanted.shift()
    if (want === undefined) this.#asked.push(asked)
    else want(asked)
  }
}

/** Resolves once a list has at least `length` items. */
export async function has (list: readonly unknown[], length: number): Promise<void> {
  while (list.length < length) await new Promise((resolve) => setTimeout(resolve, 5))
}
