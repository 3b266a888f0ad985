import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { AnyResponse } from './any-response.ts'

// Event streams that were asked for behind other responses on their HTTP/1.1 connection. Each waits until those have ended, which an
// event stream may never do; one packet can ask for two thousand.

const MAX_WAITING = 16

const kWaiting: unique symbol = Symbol.for('fastify-typed-sse.waiting')

interface SharedSocket extends Socket {
  [kWaiting]?: number
}

/**
 * Takes a place among those that wait on a connection, until this response has its turn.
 *
 * @returns Whether there was one. A response that need not wait needs no place.
 */
export function waitInLine (response: AnyResponse): boolean {
  if (!isWaiting(response)) return true
  const socket = response.req.socket as SharedSocket
  const waiting = socket[kWaiting] ?? 0
  if (waiting >= MAX_WAITING) return false
  socket[kWaiting] = waiting + 1
  // Node closes those that still wait with their connection.
  response.once('socket', () => { socket[kWaiting]!-- })
  return true
}

/** Whether an earlier response on its connection is not done. */
export function isWaiting (response: AnyResponse): boolean {
  return response instanceof ServerResponse && response.socket === null
}
