import { once } from 'node:events'
import { createServer, request as ask, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Status of the responses while the server behind the proxy is away; `never` for no response. */
export type WhileAway = 502 | 'never'

/** An HTTP proxy that keeps the connections of its readers after the server behind it has died, as development servers do. */
export async function startKeepingProxy (t: Test, port: number, whileAway: WhileAway): Promise<string> {
  const refuse = (response: ServerResponse): void => { if (whileAway !== 'never') response.writeHead(whileAway).end() }
  const server = createServer((request, response) => {
    const { method, url: path, headers } = request
    const asked = ask({ host: 'localhost', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers)
      answer.on('data', (bytes) => response.write(bytes))
      answer.on('end', () => response.end())
      answer.on('error', () => {})
    })
    asked.on('error', () => { if (!response.headersSent) refuse(response) })
    response.on('close', () => asked.destroy())
    asked.end()
  }).listen(0, 'localhost')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}
