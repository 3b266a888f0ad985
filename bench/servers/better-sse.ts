import { createChannel, createSession, type Channel } from 'better-sse'
import type { FastifyInstance } from 'fastify'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { createApp, listenWith, ROUTE, type ChannelRoute } from './listening.ts'
import { titleOf } from './version.ts'

export default class BetterSse implements Contestant {
  readonly title = titleOf('better-sse')
  readonly can = { http2: true, compress: false, channels: true, heartbeats: true }
  readonly #channels = new Map<string | undefined, Channel>()
  #app!: FastifyInstance

  start (setup: Setup): Promise<Address> {
    const app = this.#app = createApp(setup)
    const keepAlive = setup.heartbeatInterval === false ? null : setup.heartbeatInterval
    // The text is made once in `publish`, instead of for each reader.
    const serializer = (data: unknown): string => data as string
    app.get<ChannelRoute>(ROUTE, async (request, reply) => {
      reply.hijack()
      const session = await createSession(request.raw, reply.raw, { keepAlive, serializer })
      if (session.isConnected) this.#channel(request.params.channel).register(session)
    })
    return listenWith(app, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    this.#channel(channel).broadcast(JSON.stringify(payload))
  }

  count (): number {
    let count = 0
    for (const channel of this.#channels.values()) count += channel.sessionCount
    return count
  }

  close (): Promise<void> {
    return this.#app.close()
  }

  #channel (name: string | undefined): Channel {
    let channel = this.#channels.get(name)
    if (channel === undefined) this.#channels.set(name, channel = createChannel())
    return channel
  }
}
