import type { Writable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { Audience } from './audience.ts'
import { createApp, listenWith, ROUTE, type ChannelRoute } from './listening.ts'
import { titleOf } from './version.ts'

interface Reader {
  readonly body: Writable
  write (text: string): void
}

/** Streams as applications write them by hand, with `res.write`. */
export default class ResWrite implements Contestant {
  readonly title = `res.write, ${titleOf('fastify')}`
  readonly can = { http2: true, compress: true, channels: true, heartbeats: true }
  readonly #audience = new Audience<Reader>()
  #app!: FastifyInstance

  start (setup: Setup): Promise<Address> {
    this.#app = createApp(setup)
    this.#app.get<ChannelRoute>(ROUTE, (request, reply) => {
      const { channel } = request.params
      reply.hijack()
      const reader = open(reply, setup)
      this.#audience.add(reader, channel)
      reply.raw.once('close', () => {
        this.#audience.delete(reader, channel)
        reader.body.destroy()
      })
    })
    const { heartbeatInterval } = setup
    if (heartbeatInterval !== false) setInterval(() => write(':\n', this.#audience.all()), heartbeatInterval)
    return listenWith(this.#app, setup)
  }

  publish (payload: Payload, channel: string | undefined): void {
    write(`data: ${JSON.stringify(payload)}\n\n`, this.#audience.of(channel))
  }

  count (): number {
    return this.#audience.size
  }

  close (): Promise<void> {
    return this.#app.close()
  }
}

function open (reply: FastifyReply, { compress }: Setup): Reader {
  const { raw } = reply
  const head = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }
  raw.writeHead(200, compress ? { ...head, 'content-encoding': 'gzip' } : head)
  raw.flushHeaders()
  if (!compress) return { body: raw, write: (text) => { raw.write(text) } }
  const gzip = createGzip()
  gzip.pipe(raw)
  return {
    body: gzip,
    write (text) {
      gzip.write(text)
      gzip.flush(constants.Z_SYNC_FLUSH)
    }
  }
}

function write (text: string, readers: Iterable<Reader>): void {
  for (const reader of readers) reader.write(text)
}
