import { Transmit } from '@boringnode/transmit'
import type { FastifyInstance } from 'fastify'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { createApp, listenWith, ROUTE, type ChannelRoute } from './listening.ts'
import { titleOf } from './version.ts'

const EVERYBODY = 'everybody'

export default class TransmitServer implements Contestant {
  readonly title = titleOf('@boringnode/transmit')
  readonly can = { http2: true, compress: false, channels: true, heartbeats: true }
  #transmit!: Transmit<undefined>
  #app!: FastifyInstance

  start (setup: Setup): Promise<Address> {
    const app = this.#app = createApp(setup)
    const transmit = this.#transmit = new Transmit<undefined>({ pingInterval: setup.heartbeatInterval, transport: null })
    let connected = 0
    app.get<ChannelRoute>(ROUTE, async (request, reply) => {
      const uid = String(connected++)
      reply.hijack()
      transmit.createStream({ uid, context: undefined, request: request.raw, response: reply.raw })
      await transmit.subscribe({ uid, channel: request.params.channel ?? EVERYBODY })
    })
    return listenWith(app, setup)
  }

  publish ({ n, t, x }: Payload, channel: string | undefined): void {
    this.#transmit.broadcast(channel ?? EVERYBODY, { n, t, x })
  }

  count (): number {
    return this.#transmit.getManager().getAllSubscribers().size
  }

  async close (): Promise<void> {
    await this.#transmit.shutdown()
    await this.#app.close()
  }
}
