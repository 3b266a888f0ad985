import { ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import type { FastifyReply } from 'fastify'
import { HeaderInvalid, StatusSet, TrailersSet } from '../errors.ts'
import { HEAD } from './negotiate.ts'
import { demand, isObject } from '../option-rules.ts'
import type { AnyResponse } from '../response/any-response.ts'
import { closeSessionAfter } from '../response/http2-session.ts'
import { kindOf } from '../value-text.ts'
import type { CodingName } from '../wire/http-chunk.ts'
import type { GapReason } from '../wire/reasons.ts'

/** Further response headers of an event stream. */
export type StreamHeaders = Record<string, string | number | readonly string[]>

/** Says in the head what `sse.gap` says in the stream: for readers that have the head first, as those of `fetch` have. */
const GAP_HEADER = 'sse-gap'

// With the first two the body would be framed or encoded twice; the others belong to the connection: HTTP/2 refuses them.
const OURS = ['content-length', 'content-encoding', 'transfer-encoding', 'trailer', 'connection', 'keep-alive', 'upgrade', GAP_HEADER]

// An application may write it without the charset, for a reader that compares it as a whole. Chromium refuses any other charset.
const CONTENT_TYPE = /^text\/event-stream(?: *; *charset="?utf-8"?)?$/i

/** All are checked before any is set: an error answer has none of them. @throws FST_SSE_OPTION_INVALID, FST_SSE_HEADER_INVALID */
export function checkHeaders (headers: StreamHeaders): StreamHeaders {
  demand(isObject(headers), 'headers', 'a function that returns an object of headers', headers)
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value)
  return headers
}

/** @throws FST_SSE_STATUS_SET */
export function setHead (reply: FastifyReply, headers: StreamHeaders): void {
  // Set since it was looked at first, by a handler that does not await.
  refuseStatus(reply)
  reply.headers(HEAD)
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'vary') addVary(reply, value)
    else reply.header(name, value)
  }
}

/**
 * Refuses a reply whose status is not 200: readers give up on any other.
 *
 * @throws FST_SSE_STATUS_SET
 */
export function refuseStatus (reply: FastifyReply): void {
  const { statusCode } = reply
  if (statusCode === 200) return
  // An error handler of the application that keeps the status of the reply would send the error with this one.
  reply.code(200)
  throw new StatusSet(statusCode)
}

/**
 * Refuses a status that an onSend hook has set. The hook runs once more for the error, and would make that pass for a success.
 *
 * @throws FST_SSE_STATUS_SET
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
 * To a response that is complete but for its body: Fastify would end it to send them.
 *
 * @throws FST_SSE_TRAILERS_SET
 */
export function refuseTrailers (reply: FastifyReply): void {
  const names = reply.getHeader('trailer')
  if (names === undefined) return
  // The error is the answer: Fastify would send them with it, and its length as well, which is no HTTP.
  for (const name of String(names).split(' ')) reply.removeTrailer(name)
  reply.removeHeader('trailer').removeHeader('transfer-encoding')
  throw new TrailersSet(String(names))
}

/** Others have a word in this one: @fastify/cors says here that the answer depends on the origin. */
export function addVary (reply: FastifyReply, value: StreamHeaders[string]): void {
  reply.header('vary', [reply.getHeader('vary') ?? [], value].flat(2).join(', '))
}

// Longer than any name of a header that is in use.
const MAX_NAMED = 64

/** @throws FST_SSE_HEADER_INVALID */
function checkHeader (name: string, value: unknown): void {
  // A name that HTTP allows would have been sent to the reader; another may be anything. Node's own messages hold it.
  if (!isAllowed(() => validateHeaderName(name))) throw new HeaderInvalid(`(${kindOf(name)})`, 'HTTP does not allow its name')
  const shown = name.length > MAX_NAMED ? `(${kindOf(name)})` : name
  if (OURS.includes(name.toLowerCase())) throw new HeaderInvalid(shown, 'it is set by the event stream itself')
  if (name.toLowerCase() === 'content-type' && (typeof value !== 'string' || !CONTENT_TYPE.test(value))) {
    throw new HeaderInvalid(shown, 'it is text/event-stream, in no charset but utf-8')
  }
  for (const line of [value].flat()) {
    if (typeof line !== 'string' && typeof line !== 'number') throw new HeaderInvalid(shown, `its value must be text, a number, or a list of these; it is ${kindOf(value)}`)
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

/** A head that can still be changed: of a reply that was not sent, or of a response. */
interface OpenHead {
  get (name: string): unknown
  set (name: string, value: string): void
}

/** Of a reply that was not sent. */
export function headOfReply (reply: FastifyReply): OpenHead {
  return { get: (name) => reply.getHeader(name), set: (name, value) => { reply.header(name, value) } }
}

export function headOf (response: AnyResponse): OpenHead {
  // Node's HTTP/2 responses have these, too.
  const { getHeader, setHeader } = response as ServerResponse
  return { get: getHeader.bind(response), set: setHeader.bind(response) }
}

/** Asks for no further request on its connection, before it is sent: it would keep a server that closes. */
export function closeConnectionAfter (response: AnyResponse): void {
  if (response instanceof ServerResponse) response.setHeader('connection', 'close')
  else closeSessionAfter(response)
}

/** Says in which coding the body comes. */
export function setCoding (head: OpenHead, coding: CodingName): void {
  if (coding !== 'identity') head.set('content-encoding', coding)
}

/** Names a gap in a head that is complete but for that. */
export function setGap (head: OpenHead, reason: GapReason): void {
  head.set(GAP_HEADER, reason)
  expose(head, GAP_HEADER)
}

const EXPOSED = 'access-control-expose-headers'

/** Pages of other origins may read a header where they may read the answer. */
export function expose (head: OpenHead, header: string): void {
  if (head.get('access-control-allow-origin') === undefined) return
  const exposed = head.get(EXPOSED)
  head.set(EXPOSED, exposed === undefined ? header : `${String(exposed)}, ${header}`)
}
