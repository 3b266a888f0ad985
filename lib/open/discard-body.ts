import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'

/**
 * Discards the body of a request if nothing reads it.
 *
 * Node stops reading an HTTP/1.1 connection whose request body is not read, and then does not notice that the reader leaves. HTTP/2 is not
 * affected.
 */
export function discardBody ({ body, raw, headers }: FastifyRequest): void {
  // A request without a body is left alone: at its end it would emit `close`, and Fastify would no longer notice that the reader leaves.
  const hasBody = Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined
  const isRead = body !== undefined || raw.readableFlowing !== null
  if (hasBody && !isRead && raw instanceof IncomingMessage && raw.socket instanceof Socket) raw.resume()
}
