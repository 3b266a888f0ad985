import type { FastifyInstance } from 'fastify'
import ssePlugin, { type Broker } from 'fastify-typed-sse'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { createApp, listenWith, PATH, type ChannelRoute } from './listening.ts'
import { titleOf } from './version.ts'

export default class TypedSse implements Contestant {
  readonly title: string = titleOf('fastify-typed-sse')
  readonly can = { http2: true, compress: true, channels: true, heartbeats: true }
  /** Undefined: the default, which works within the process. */
  protected broker: Broker | undefined
  #app!: FastifyInstance

  async start (setup: Setup): Promise<Address> {
    const app = this.#app = createApp(setup)
    const { heartbeatInterval, compress } = setup
    // Heartbeats as comments, like the other servers.
    await app.register(ssePlugin, { path: PATH, cors: false, heartbeatInterval, heartbeatEvent: false, broker: this.broker, ...(compress && { compress }) })
    app.get<ChannelRoute>(`${PATH}/:channel`, async (request, reply) => {
      await app.sse.subscribe(reply, { channels: [request.params.channel!] })
    })
    return listenWith(app, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    void this.#app.sse.broadcast('message', payload, channel === undefined ? {} : { channels: channel })
  }

  count (): number {
    return this.#app.sse.count()
  }

  close (): Promise<void> {
    return this.#app.close()
  }
}
