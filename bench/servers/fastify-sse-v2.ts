import type { FastifyInstance, FastifyReply } from 'fastify'
import { FastifySSEPlugin } from 'fastify-sse-v2'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { Audience } from './audience.ts'
import { createApp, listenWith, ROUTE, type ChannelRoute } from './listening.ts'
import { titleOf } from './version.ts'

export default class FastifySseV2 implements Contestant {
  readonly title = titleOf('fastify-sse-v2')
  readonly can = { http2: true, compress: false, channels: true, heartbeats: false }
  readonly #audience = new Audience<FastifyReply>()
  #app!: FastifyInstance

  async start (setup: Setup): Promise<Address> {
    const app = this.#app = createApp(setup)
    await app.register(FastifySSEPlugin)
    app.get<ChannelRoute>(ROUTE, (request, reply) => {
      const { channel } = request.params
      // The first event of this library opens the stream.
      reply.sse({ comment: 'open' })
      this.#audience.add(reply, channel)
      reply.raw.once('close', () => {
        this.#audience.delete(reply, channel)
        reply.sseContext.source.end()
      })
    })
    return listenWith(app, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    const event = { data: JSON.stringify(payload) }
    for (const reply of this.#audience.of(channel)) reply.sse(event)
  }

  count (): number {
    return this.#audience.size
  }

  close (): Promise<void> {
    return this.#app.close()
  }
}
