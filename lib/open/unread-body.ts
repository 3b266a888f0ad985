import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'

/**
 * Reads a request body that nobody takes. Otherwise Node stops reading the connection, and does not see its reader leave. With HTTP/2 it
 * goes on by itself.
 */
export function discardBody ({ body, raw, headers }: FastifyRequest): void {
  // A request without a body is left alone: having ended, it would say `close`, and Fastify would not hear of its reader's end.
  const hasBody = Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined
  const isTaken = body !== undefined || raw.readableFlowing !== null
  if (hasBody && !isTaken && raw instanceof IncomingMessage && raw.socket instanceof Socket) raw.resume()
}
