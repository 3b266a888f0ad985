import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Address, Contestant, Payload, Setup } from '../contract.ts'
import { BACKLOG, HOST, PATH } from './listening.ts'
import { isInstalled, startNginx, titleOfNginx, type Nginx } from './nginx.ts'

const EVERYBODY = 'everybody'

/** nchan, a module of nginx written in C. This process publishes over one connection, and does not wait for the responses. */
export default class Nchan implements Contestant {
  readonly title = titleOfNginx()
  readonly can = { http2: true, compress: false, channels: true, heartbeats: true }
  #nginx!: Nginx
  #publisher!: Socket

  missing (): string | undefined {
    return isInstalled ? undefined : 'nginx or its module nchan is not installed: npm run setup:system'
  }

  async start (setup: Setup): Promise<Address> {
    const nginx = this.#nginx = await startNginx((port) => configuration(port, setup))
    this.#publisher = connect(join(nginx.folder, 'publisher.sock'))
    await once(this.#publisher, 'connect')
    this.#publisher.setEncoding('latin1').on('data', refuse).once('close', () => { throw new Error('nginx has closed the connection of its publisher') })
    return { port: nginx.port, path: setup.channels === 0 ? `${PATH}/${EVERYBODY}` : `${PATH}/`, pids: [nginx.worker] }
  }

  publish (payload: Payload, channel = EVERYBODY): void {
    const body = JSON.stringify(payload)
    this.#publisher.write(`POST /publish/${channel} HTTP/1.1\r\nHost: bench\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }

  async count (): Promise<number> {
    const [response] = await once(get({ socketPath: join(this.#nginx.folder, 'publisher.sock'), path: '/status' }), 'response') as [IncomingMessage]
    const [, subscribers] = /^subscribers: (\d+)$/m.exec(await text(response)) ?? []
    return Number(subscribers)
  }

  close (): Promise<void> {
    this.#publisher.removeAllListeners('close')
    return this.#nginx.stop()
  }
}

function configuration (port: number, { http2, heartbeatInterval }: Setup): string {
  const ping = heartbeatInterval === false ? '' : `nchan_eventsource_ping_interval ${Math.ceil(heartbeatInterval / 1000)};`
  return `
nchan_shared_memory_size 512M;
nchan_message_buffer_length 10000;
server {
listen ${HOST}:${port} backlog=${BACKLOG} ${http2 ? 'http2' : ''};
location ~ ^${PATH}/(\\w+)$ {
nchan_subscriber eventsource;
nchan_channel_id $1;
nchan_subscriber_first_message newest;
${ping}
}
}
server {
listen unix:publisher.sock;
keepalive_requests 1000000000;
keepalive_timeout 1d;
location ~ ^/publish/(\\w+)$ {
nchan_publisher http;
nchan_channel_id $1;
}
location = /status { nchan_stub_status; }
}`
}

function refuse (answers: string): void {
  const refusal = /^HTTP\/1\.1 [^2].*/m.exec(answers)
  if (refusal !== null) throw new Error(`nginx refuses an event: ${refusal[0]}`)
}
