import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'

// A file of this plugin as a response: its media type, its ETag, and 304. The files are few and small, so they are kept in memory.

/** A file that is served to browsers. */
export interface BrowserFile {
  /** The path of the file below its folder, with "/" as separator. */
  readonly name: string
  /** The media type. */
  readonly type: string
  readonly body: Buffer
  readonly etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml'
}

/** Creates a file from its content. */
export function browserFile (name: string, body: Buffer): BrowserFile {
  // A weak ETag, because a hook of the application may compress the response, which changes its bytes.
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
  return { name, type: TYPES[extname(name)] ?? 'application/octet-stream', body, etag }
}

/** Sends a file, or 304 if the `If-None-Match` of the request has its ETag. */
export function sendFile (request: FastifyRequest, reply: FastifyReply, { type, body, etag }: BrowserFile): FastifyReply {
  reply.headers({ etag, 'cache-control': 'no-cache' })
  return isKnown(etag, request.headers['if-none-match']) ? reply.code(304).send() : reply.type(type).send(body)
}

/**
 * True if an `If-None-Match` header has an ETag. "A recipient MUST use the weak comparison function" (RFC 9110): a proxy that compresses may
 * turn a strong ETag into a weak one, or the reverse.
 *
 * The header is searched instead of split into ETags, because a stranger may send thousands. A quoted ETag cannot be a part of another ETag.
 *
 * @param known The header.
 */
export function isKnown (etag: string, known = ''): boolean {
  return known.trim() === '*' || known.includes(etag.replace(/^W\//, ''))
}
