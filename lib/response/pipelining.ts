import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { AnyResponse } from './any-response.ts'

// Limits the event streams that wait behind other responses on an HTTP/1.1 connection. Each waits until the earlier responses have ended,
// which an event stream may never do, and one packet can request two thousand.

/** The event streams that may wait on one connection. */
const MAX_WAITING = 16

const kWaiting: unique symbol = Symbol.for('fastify-typed-sse.waiting')

interface SharedSocket extends Socket {
  [kWaiting]?: number
}

/**
 * Takes a place in the queue of a connection until the response has its turn.
 *
 * @returns False if the queue is full. A response that need not wait takes no place.
 */
export function waitInLine (response: AnyResponse): boolean {
  if (!isWaiting(response)) return true
  const socket = response.req.socket as SharedSocket
  const waiting = socket[kWaiting] ?? 0
  if (waiting >= MAX_WAITING) return false
  socket[kWaiting] = waiting + 1
  // The count needs no correction when a waiting response closes, because it closes together with its connection.
  response.once('socket', () => { socket[kWaiting]!-- })
  return true
}

/** True if an earlier response on the connection has not ended yet. */
export function isWaiting (response: AnyResponse): boolean {
  return response instanceof ServerResponse && response.socket === null
}
