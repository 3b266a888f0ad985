import { once } from 'node:events'
import type { FastifyInstance } from 'fastify'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { createApp, listenWith, ROUTE, type ChannelRoute } from './listening.ts'
import { Answers } from './tokens.ts'
import { titleOf } from './version.ts'

/** An answer as applications write it by hand: a loop over the source, with `res.write`. */
export default class TokensResWrite implements Contestant {
  readonly title = `res.write in a loop, ${titleOf('fastify')}`
  readonly can = { http2: false, compress: false, channels: true, heartbeats: false }
  readonly #answers = new Answers()
  #app!: FastifyInstance

  start (setup: Setup): Promise<Address> {
    this.#app = createApp(setup)
    this.#app.get<ChannelRoute>(ROUTE, async (request, reply) => {
      const name = request.params.channel!
      const { raw } = reply
      reply.hijack()
      raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
      raw.flushHeaders()
      const tokens = this.#answers.begin(name)
      raw.once('close', () => this.#answers.end(name))
      for await (const payload of tokens.read()) {
        if (!raw.write(`data: ${JSON.stringify(payload)}\n\n`)) await once(raw, 'drain')
      }
      raw.end()
    })
    return listenWith(this.#app, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    this.#answers.push(payload, channel)
  }

  count (): number {
    return this.#answers.size
  }

  close (): Promise<void> {
    return this.#app.close()
  }
}
