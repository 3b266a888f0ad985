import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

/** The behaviour of the proxy between a reader and its server. */
export type Fault =
  /** Passes everything on. */
  | 'pass'
  /** Refuses connections. */
  | 'refuse'
  /** Accepts connections, and cuts them at the first request. */
  | 'cut'
  /** Accepts connections, and never responds. */
  | 'silent'
  /** Responds to each request with this status line and these header lines. */
  | readonly string[]

export interface Asked {
  readonly method: string
  readonly url: string
  readonly at: number
}

/** A TCP proxy in front of a server, with faults that the test sets. */
export class FaultProxy {
  readonly #port: number
  readonly #sockets = new Set<Socket>()
  /** Connections of the fault `silent`; later faults leave them silent. */
  readonly #silent = new Set<Socket>()
  #server: Server | undefined
  #fault: Fault = 'pass'
  #ownPort = 0
  /** Every request, in order. */
  readonly asked: Asked[] = []

  private constructor (port: number) {
    this.#port = port
  }

  /** @param port The port of the server behind the proxy. */
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

  /** Sets the fault, and cuts every existing connection except silent ones. */
  async set (fault: Fault): Promise<void> {
    this.#fault = fault
    for (const socket of this.#sockets) socket.destroy()
    if (fault !== 'refuse') return await this.#listen()
    this.#server?.close()
    this.#server = undefined
  }

  /** Stops existing connections from passing anything on, without closing them. New connections are not affected. */
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
      // A reader sends its request in one packet.
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
