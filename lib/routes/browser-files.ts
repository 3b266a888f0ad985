import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { atRegistration, demand } from '../option-rules.ts'
import { readPluginFiles } from './plugin-files.ts'

// The files of this plugin that browsers get. They are few and small: read once, when the plugin is registered, and kept.

/** One of them. */
export interface BrowserFile {
  /** Its path below its folder, with "/" in it. */
  readonly name: string
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

export function browserFile (name: string, body: Buffer): BrowserFile {
  // Weak: what the application compresses on the way has other bytes.
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`
  return { name, type: TYPES[extname(name)] ?? 'application/octet-stream', body, etag }
}

/** What stands beside the browser client, wherever that is. */
export const BESIDE_CLIENT = ['client.js.map', 'fetch-transport.js', 'fetch-transport.js.map', 'refusals.js', 'refusals.js.map', 'sharing.js', 'sharing.js.map']

/**
 * The browser client, and what stands beside it.
 *
 * @param option The option that asks for it.
 * @throws FST_SSE_OPTION_INVALID where it was not built
 */
export async function readClientFiles (option: 'client' | 'inspector', value: string): Promise<[client: BrowserFile, ...beside: BrowserFile[]]> {
  const files = await readPluginFiles('browser')
  const read = (name: string): BrowserFile => {
    const body = files.get(name)
    atRegistration(() => demand(body !== undefined, option, 'false where the browser client was not built ("npm run build:client" builds it)', value))
    return browserFile(name, body!)
  }
  return [read('client.js'), ...BESIDE_CLIENT.map(read)]
}

/** The inspector's own files. */
export async function readInspectorFiles (): Promise<BrowserFile[]> {
  return [...await readPluginFiles('public/inspector')].map(([name, body]) => browserFile(name, body))
}

/** Answers with a file, or with 304 to who has it already. */
export function sendFile (request: FastifyRequest, reply: FastifyReply, { type, body, etag }: BrowserFile): FastifyReply {
  reply.headers({ etag, 'cache-control': 'no-cache' })
  return isKnown(etag, request.headers['if-none-match']) ? reply.code(304).send() : reply.type(type).send(body)
}

/**
 * "A recipient MUST use the weak comparison function": a proxy that compresses may have made a strong one weak, or the reverse.
 *
 * Not split into tags: a stranger may send thousands, and within its quotation marks this one stands nowhere but as a tag.
 */
export function isKnown (etag: string, known = ''): boolean {
  return known.trim() === '*' || known.includes(etag.replace(/^W\//, ''))
}
