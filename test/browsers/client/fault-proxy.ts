import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/** What stands between a reader and its server does. */
export type Fault =
  /** Nothing is wrong. */
  | 'pass'
  /** Nobody listens. */
  | 'refuse'
  /** Accepted, and cut as soon as something is asked. */
  | 'cut'
  /** Accepted, and never answered. */
  | 'silent'
  /** Each request gets this answer: status line and header lines. */
  | readonly string[]

export interface Asked {
  readonly method: string
  readonly url: string
  readonly at: number
}

/** A TCP proxy in front of a server, with faults. */
export class FaultProxy {
  readonly #port: number
  readonly #sockets = new Set<Socket>()
  /** They are not answered even when all is well again. */
  readonly #silent = new Set<Socket>()
  #server: Server | undefined
  #fault: Fault = 'pass'
  #ownPort = 0
  /** Every request, in order. */
  readonly asked: Asked[] = []

  private constructor (port: number) {
    this.#port = port
  }

  /** @param port Of the server behind it. */
  static async start (t: Test, port: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(port)
    await proxy.#listen()
    t.teardown(() => {
      for (const socket of proxy.#silent) socket.destroy()
      return proxy.set('refuse')
    })
    return proxy
  }

  get origin (): string { return `http://localhost:${this.#ownPort}` }

  /** From now on; what there is of connections is cut, but for those that are silent. */
  async set (fault: Fault): Promise<void> {
    this.#fault = fault
    for (const socket of this.#sockets) socket.destroy()
    if (fault !== 'refuse') return await this.#listen()
    this.#server?.close()
    this.#server = undefined
  }

  /** The connections that there are stay, and pass nothing on any more. New ones do. */
  freeze (): void {
    for (const socket of this.#sockets) socket.unpipe().on('data', () => {})
  }

  async #listen (): Promise<void> {
    if (this.#server !== undefined) return
    this.#server = createServer((socket) => this.#serve(socket)).listen(this.#ownPort, 'localhost')
    await once(this.#server, 'listening')
    this.#ownPort = (this.#server.address() as AddressInfo).port
  }

  #serve (socket: Socket): void {
    const fault = this.#fault
    this.#keep(socket, fault === 'silent' ? this.#silent : this.#sockets)
    const server = fault === 'pass' ? this.#keep(connect(this.#port, 'localhost')) : undefined
    socket.on('data', (bytes) => {
      // Readers ask in one packet.
      const [, method, url] = /^([A-Z]+) (\S+) HTTP/.exec(bytes.toString('latin1')) ?? []
      if (method === undefined || url === undefined) return
      this.asked.push({ method, url, at: Date.now() })
      if (fault === 'cut') socket.destroy()
      else if (typeof fault === 'object') socket.end([...fault, 'content-length: 0', 'connection: close', '', ''].join('\r\n'))
    })
    if (server === undefined) return
    socket.pipe(server).pipe(socket)
    socket.once('close', () => server.destroy())
    server.once('close', () => socket.destroy())
  }

  #keep (socket: Socket, sockets = this.#sockets): Socket {
    sockets.add(socket)
    return socket.setNoDelay().on('error', () => {}).once('close', () => sockets.delete(socket))
  }
}
