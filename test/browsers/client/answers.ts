import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'

interface Asked {
  readonly method: string
  readonly path: string
  /** Null where the request named none. */
  readonly lastEventId: string | null
}

/** A server by hand: what it answers, and what it was asked. */
export interface Answers {
  readonly origin: string
  readonly asked: Asked[]
  /** Of one path. */
  to (path: string): Asked[]
  /** Requests under way: somebody still waits for an answer, or for more of it. */
  readonly waiting: ReadonlySet<ServerResponse>
}

/** @param answer Gets the path, and which request for that path it is, from 0 on. */
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

/** The head of a stream, and what it begins with. */
export function stream (response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
}
