import fastifySse, { type SSEPluginOptions, type SSEReplyInterface } from '@fastify/sse'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { Audience } from './audience.ts'
import { createApp, listenWith, ROUTE, type ChannelRoute } from './listening.ts'
import { titleOf } from './version.ts'

// The types name `default` as the plugin, but that function does not see the routes.
const plugin = fastifySse as unknown as FastifyPluginAsync<SSEPluginOptions>

export default class FastifySse implements Contestant {
  readonly title = titleOf('@fastify/sse')
  readonly can = { http2: true, compress: false, channels: true, heartbeats: true }
  readonly #audience = new Audience<SSEReplyInterface>()
  #app!: FastifyInstance

  async start (setup: Setup): Promise<Address> {
    const app = this.#app = createApp(setup)
    await app.register(plugin, { heartbeatInterval: setup.heartbeatInterval === false ? 0 : setup.heartbeatInterval })
    app.get<ChannelRoute>(ROUTE, { sse: 'only' }, async (request, reply) => {
      const { params: { channel } } = request
      // Another library of this bench also declares `reply.sse`.
      const sse = reply.sse as unknown as SSEReplyInterface
      // The library adds listeners for each waiting event. A warning for each reader would cost more than the listeners.
      reply.raw.setMaxListeners(0)
      sse.keepAlive()
      sse.sendHeaders()
      // Otherwise the head waits for the first event.
      reply.raw.flushHeaders()
      this.#audience.add(sse, channel)
      sse.onClose(() => this.#audience.delete(sse, channel))
    })
    return listenWith(app, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    // The library sends a string unchanged, so the text is made once.
    const text = JSON.stringify(payload)
    for (const sse of this.#audience.of(channel)) sse.send(text).catch(ignoreGone)
  }

  count (): number {
    return this.#audience.size
  }

  close (): Promise<void> {
    return this.#app.close()
  }
}

function ignoreGone (): void {}
