import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A proxy that cuts the first connections in the middle of their responses. */
export class CuttingProxy {
  readonly origin: string
  /** The connections that it has cut. */
  cuts = 0
  /** The first lines of the requests. */
  readonly asked: string[] = []

  private constructor (port: number) {
    this.origin = `http://127.0.0.1:${port}`
  }

  /**
   * Starts a proxy, which ends with the test.
   *
   * @param target The origin of the server.
   * @param text The text at whose occurrence the response is cut.
   * @param times The number of occurrences in one response before the cut.
   * @param most The number of connections that are cut.
   */
  static async start (t: { after (callback: () => unknown): void }, target: string, text: string, times: number, most = 1): Promise<CuttingProxy> {
    const sockets = new Set<Socket>()
    const server = createServer((reader) => {
      const upstream = connect(Number(new URL(target).port), '127.0.0.1')
      let seen = ''
      const close = (): void => {
        reader.destroy()
        upstream.destroy()
      }
      for (const socket of [reader, upstream]) {
        sockets.add(socket)
        socket.on('error', close).on('close', close)
      }
      reader.on('data', (bytes) => {
        proxy.asked.push(...bytes.toString('latin1').match(/^[A-Z]+ \S+(?= HTTP)/gm) ?? [])
        upstream.write(bytes)
      })
      upstream.on('data', (bytes) => {
        reader.write(bytes)
        seen += bytes.toString('latin1')
        if (proxy.cuts >= most || seen.split(text).length <= times) return
        proxy.cuts++
        // What was written before still arrives.
        reader.end(close)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    const proxy: CuttingProxy = new CuttingProxy((server.address() as AddressInfo).port)
    return proxy
  }
}
