import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'

interface Asked {
  readonly method: string
  readonly path: string
  /** Null if the request had none. */
  readonly lastEventId: string | null
}

/** A server whose responses the test writes, with the requests that it received. */
export interface Answers {
  readonly origin: string
  readonly asked: Asked[]
  /** The requests for one path. */
  to (path: string): Asked[]
  /** Open responses: not begun, or not ended. */
  readonly waiting: ReadonlySet<ServerResponse>
}

/** @param answer Responds to a request; `nth` counts the requests for its path from 0. */
export async function startAnswers (t: Test, answer: (path: string, nth: number, response: ServerResponse) => void): Promise<Answers> {
  const asked: Asked[] = []
  const waiting = new Set<ServerResponse>()
  const to = (path: string): Asked[] => asked.filter((one) => one.path === path)
  const server = createServer((request, response) => {
    const { pathname: path, searchParams } = new URL(request.url!, 'http://localhost')
    const header = request.headers['last-event-id']
    const lastEventId = typeof header === 'string' ? header : searchParams.get('lastEventId')
    response.setHeader('access-control-allow-origin', '*')
    waiting.add(response)
    response.once('close', () => waiting.delete(response))
    asked.push({ method: request.method!, path, lastEventId })
    answer(path, to(path).length - 1, response)
  }).listen(0, 'localhost')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, asked, to, waiting }
}

/** Writes the head of a stream and its first text. */
export function stream (response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
}
