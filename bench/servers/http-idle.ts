import { createServer, type ServerResponse } from 'node:http'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { Audience } from './audience.ts'
import { listenOn, PATH } from './listening.ts'

/** Plain responses of Node's own server, as the reference for the memory of an open connection. */
export default class HttpIdle implements Contestant {
  readonly title = `http, Node ${process.versions.node}`
  readonly can = { http2: false, compress: false, channels: true, heartbeats: false }
  readonly #audience = new Audience<ServerResponse>()

  start (setup: Setup): Promise<Address> {
    const server = createServer((request, response) => {
      const channel = request.url!.slice(PATH.length + 1) || undefined
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      this.#audience.add(response, channel)
      response.once('close', () => this.#audience.delete(response, channel))
    })
    return listenOn(server, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    const text = `data: ${JSON.stringify(payload)}\n\n`
    for (const response of this.#audience.of(channel)) response.write(text)
  }

  count (): number {
    return this.#audience.size
  }

  async close (): Promise<void> {
    for (const response of this.#audience.all()) response.destroy()
  }
}
