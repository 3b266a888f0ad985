import type { FastifyInstance } from 'fastify'
import ssePlugin from 'fastify-typed-sse'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { createApp, listenWith, ROUTE, type ChannelRoute } from './listening.ts'
import { Answers } from './tokens.ts'
import { titleOf } from './version.ts'

/** An answer that outlives its reader. */
export default class RunsTypedSse implements Contestant {
  readonly title: string = `a run with one reader, ${titleOf('fastify-typed-sse')}`
  readonly can = { http2: false, compress: false, channels: true, heartbeats: false }
  readonly #answers = new Answers()
  #app!: FastifyInstance

  async start (setup: Setup): Promise<Address> {
    const app = this.#app = createApp(setup)
    await app.register(ssePlugin, { path: false })
    app.get<ChannelRoute>(ROUTE, async (request, reply) => {
      const tokens = this.#answers.begin(request.params.channel!)
      const run = await app.sse.runs.start('message', () => tokens.read())
      await run.subscribe(reply, { plain: true })
    })
    return listenWith(app, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    this.#answers.push(payload, channel)
  }

  count (): number {
    return this.#app.sse.count()
  }

  close (): Promise<void> {
    return this.#app.close()
  }
}
