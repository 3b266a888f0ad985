import { ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import type { FastifyReply } from 'fastify'
import { HeaderInvalid, StatusSet, TrailersSet } from '../errors.ts'
import { CHARSET, EVENT_STREAM } from './content-negotiation.ts'
import { demand, isObject } from '../option-rules.ts'
import type { AnyResponse } from '../response/any-response.ts'
import { closeSessionAfter } from '../response/http2-session.ts'
import { kindOf } from '../value-text.ts'
import type { CodingName } from '../wire/http-chunk.ts'
import type { GapReason } from '../wire/reasons.ts'

// Checks and sets the status and the headers of an event stream.

/** The headers of every event stream. */
const HEAD = {
  // The standard allows no other charset, but some readers decode text without a charset as Latin-1, in which 0x85 ends a line (Python's
  // requests).
  'content-type': `${EVENT_STREAM}; ${CHARSET}`,
  // no-transform: a proxy that compresses would hold events back until its buffer is full.
  'cache-control': 'no-cache, no-transform',
  // nginx by default holds back the whole response, head included, and only this header prevents it.
  'x-accel-buffering': 'no'
} as const

/**
 * Additional response headers of an event stream, by name.
 *
 * @see docs/options.md
 */
export type StreamHeaders = Record<string, string | number | readonly string[]>

/** The header that states the reason of an `sse.gap`, for readers that see the head first, such as `fetch`. */
const GAP_HEADER = 'sse-gap'

/** The headers that an application cannot set. */
const RESERVED = [
  // They would frame or encode the body a second time.
  'content-length', 'content-encoding',
  // An event stream has no trailers.
  'trailer',
  // They belong to the connection, and HTTP/2 refuses them.
  'transfer-encoding', 'connection', 'keep-alive', 'upgrade',
  // Only the plugin knows whether there is a gap.
  GAP_HEADER
]

// An application may omit the charset, for a reader that compares the whole value. Chromium refuses any other charset.
const CONTENT_TYPE = /^text\/event-stream(?: *; *charset="?utf-8"?)?$/i

/**
 * Checks all headers before any of them is set, so that an error response has none of them.
 *
 * @throws FST_SSE_OPTION_INVALID when the value is not an object, FST_SSE_HEADER_INVALID when a header is invalid or reserved.
 */
export function checkHeaders (headers: StreamHeaders): StreamHeaders {
  demand(isObject(headers), 'headers', 'a function that returns an object with headers', headers)
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value)
  return headers
}

/**
 * Sets the headers of an event stream.
 *
 * @throws FST_SSE_STATUS_SET when the status is not 200.
 */
export function setHead (reply: FastifyReply, headers: StreamHeaders): void {
  // Checked again, because a handler that does not await `subscribe` may have set it since.
  refuseStatus(reply)
  reply.headers(HEAD)
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'vary') addVary(reply, value)
    else reply.header(name, value)
  }
}

/**
 * Refuses a reply whose status is not 200, because readers give up on any other.
 *
 * @throws FST_SSE_STATUS_SET when the status is not 200.
 */
export function refuseStatus (reply: FastifyReply): void {
  const { statusCode } = reply
  if (statusCode === 200) return
  // Reset, because an error handler that keeps the status of the reply would send the error with it.
  reply.code(200)
  throw new StatusSet(statusCode)
}

/**
 * Refuses a status other than 200 that an onSend hook has set. The hook also runs for the error response, and could make that a success.
 *
 * @throws FST_SSE_STATUS_SET when the status is not 200.
 */
export function refuseLateStatus (reply: FastifyReply): void {
  try {
    refuseStatus(reply)
  } catch (error) {
    const response = reply.raw as ServerResponse
    const { writeHead } = response
    response.writeHead = (status: number, ...others: never[]) => writeHead.call(response, status < 400 ? 500 : status, ...others)
    throw error
  }
}

/**
 * Refuses trailers, because Fastify would end the response to send them.
 *
 * @param reply A reply that is complete except for its body.
 * @throws FST_SSE_TRAILERS_SET when the reply has trailers.
 */
export function refuseTrailers (reply: FastifyReply): void {
  const names = reply.getHeader('trailer')
  if (names === undefined) return
  // Removed, because Fastify would send the error response with trailers and `content-length`, a combination that HTTP does not allow.
  for (const name of String(names).split(' ')) reply.removeTrailer(name)
  reply.removeHeader('trailer').removeHeader('transfer-encoding')
  throw new TrailersSet(String(names))
}

/** Adds to `Vary`, which others set, too: @fastify/cors adds `Origin`. */
export function addVary (reply: FastifyReply, value: StreamHeaders[string]): void {
  reply.header('vary', [reply.getHeader('vary') ?? [], value].flat(2).join(', '))
}

// The longest name that an error shows. No header in use has a longer one.
const MAX_NAMED = 64

/** @throws FST_SSE_HEADER_INVALID when the header is invalid or reserved. */
function checkHeader (name: string, value: unknown): void {
  // An error shows a name only if HTTP allows it, because the reader would have got that name anyway. Any other text may be confidential,
  // and Node's own errors would show it.
  if (!isAllowed(() => validateHeaderName(name))) throw new HeaderInvalid(`(${kindOf(name)})`, 'HTTP does not allow its name')
  const shown = name.length > MAX_NAMED ? `(${kindOf(name)})` : name
  if (RESERVED.includes(name.toLowerCase())) throw new HeaderInvalid(shown, 'it is set by the event stream itself')
  if (name.toLowerCase() === 'content-type' && (typeof value !== 'string' || !CONTENT_TYPE.test(value))) {
    throw new HeaderInvalid(shown, 'it must be text/event-stream, with no other charset than utf-8')
  }
  for (const line of [value].flat()) {
    if (typeof line !== 'string' && typeof line !== 'number') {
      throw new HeaderInvalid(shown, `its value must be text, a number, or a list of these; it is ${kindOf(value)}`)
    }
    if (!isAllowed(() => validateHeaderValue(name, String(line)))) throw new HeaderInvalid(shown, 'HTTP does not allow its value')
  }
}

function isAllowed (validate: () => void): boolean {
  try {
    validate()
    return true
  } catch {
    return false
  }
}

/** A head that is not sent yet, of a Fastify reply or of a raw response. */
interface OpenHead {
  get (name: string): unknown
  set (name: string, value: string): void
}

/** The head of a reply that is not sent yet. */
export function headOfReply (reply: FastifyReply): OpenHead {
  return { get: (name) => reply.getHeader(name), set: (name, value) => { reply.header(name, value) } }
}

/** The head of a raw response that is not sent yet. */
export function headOf (response: AnyResponse): OpenHead {
  // HTTP/2 responses have these methods, too.
  const { getHeader, setHeader } = response as ServerResponse
  return { get: getHeader.bind(response), set: setHeader.bind(response) }
}

/** Closes the connection after a response whose head is not sent yet. Further requests on it would keep a closing server open. */
export function closeConnectionAfter (response: AnyResponse): void {
  if (response instanceof ServerResponse) response.setHeader('connection', 'close')
  else closeSessionAfter(response)
}

/** Sets `content-encoding`, unless the coding is `identity`. */
export function setCoding (head: OpenHead, coding: CodingName): void {
  if (coding !== 'identity') head.set('content-encoding', coding)
}

/** Adds the reason of a gap to a head that is otherwise complete. */
export function setGap (head: OpenHead, reason: GapReason): void {
  head.set(GAP_HEADER, reason)
  expose(head, GAP_HEADER)
}

const EXPOSED = 'access-control-expose-headers'

/** Lets pages of other origins read a header if they may read the response. */
export function expose (head: OpenHead, header: string): void {
  if (head.get('access-control-allow-origin') === undefined) return
  const exposed = head.get(EXPOSED)
  head.set(EXPOSED, exposed === undefined ? header : `${String(exposed)}, ${header}`)
}
