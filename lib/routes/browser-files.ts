import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { atRegistration, demand } from '../option-rules.ts'
import { readPluginFiles } from './plugin-files.ts'

// The files of this plugin that are served to browsers. They are few and small, so they are read once, at registration, and kept in memory.

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

/** The files that are served beside the browser client, in the folder of its URL. */
export const BESIDE_CLIENT = ['client.js.map', 'fetch-transport.js', 'fetch-transport.js.map', 'refusals.js', 'refusals.js.map', 'sharing.js', 'sharing.js.map']

/**
 * Reads the browser client and the files that are served beside it.
 *
 * @param option The option that requires the client, for the error.
 * @param value The value of that option.
 * @throws FST_SSE_OPTION_INVALID when the client is not built.
 */
export async function readClientFiles (option: 'client' | 'inspector', value: string): Promise<[client: BrowserFile, ...beside: BrowserFile[]]> {
  const files = await readPluginFiles('browser')
  const read = (name: string): BrowserFile => {
    const body = files.get(name)
    atRegistration(() => demand(body !== undefined, option, 'false if the browser client is not built ("npm run build:client" builds it)', value))
    return browserFile(name, body!)
  }
  return [read('client.js'), ...BESIDE_CLIENT.map(read)]
}

/** Reads the inspector's own files. */
export async function readInspectorFiles (): Promise<BrowserFile[]> {
  return [...await readPluginFiles('public/inspector')].map(([name, body]) => browserFile(name, body))
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
