import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Overloaded } from '../errors.ts'
import { asksForEventStream } from './content-negotiation.ts'
import { expose, headOfReply, setCoding, setGap, setHead, type StreamHeaders } from './response-head.ts'
import { whenClosed } from '../response/any-response.ts'
import type { CodingName } from '../wire/http-chunk.ts'
import { encodeRetry } from '../wire/encode.ts'
import type { GapReason } from '../wire/reasons.ts'

// Responses to requests that open no event stream. Each promise resolves once the response is sent; if the handler returned earlier, Fastify
// would report that it forgot to reply.

/**
 * The response when a limit on subscribers is reached. `'retry'`: a stream that contains only a reconnection time, so that browsers
 * reconnect; 503 if `Accept` does not name `text/event-stream`. `'reject'`: always 503, after which a native EventSource never reconnects.
 *
 * @see docs/options.md
 */
export type Overload = 'retry' | 'reject'

// Readers of an overloaded server wait at least this many milliseconds, even if their reconnection time is shorter.
const SHORTEST_WAIT = 1000

/** Keeps a response out of every cache. A cache would give it to all readers, and native readers would stay away for good. */
export function forbidCaching (reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store')
}

/** Tells a reader to stay away, with status 204: "a client can be told to stop reconnecting using the HTTP 204 No Content response code". */
export function refuse (reply: FastifyReply): Promise<void> {
  return send(forbidCaching(reply).code(204))
}

/** Responds to HEAD with the head that GET would get. */
export function sendHeadAlone (reply: FastifyReply, headers: StreamHeaders, coding: CodingName, gap: GapReason | undefined): Promise<void> {
  setHead(reply, headers)
  setCoding(headOfReply(reply), coding)
  if (gap !== undefined) setGap(headOfReply(reply), gap)
  return send(reply, noBody())
}

/**
 * Responds to a request when a limit on subscribers is reached.
 *
 * @param time The time after which the reader may reconnect, in milliseconds.
 */
export function turnAway (reply: FastifyReply, overload: Overload, headers: StreamHeaders, time: number): Promise<void> {
  const { method, headers: { accept } } = reply.request
  const wait = Math.max(time, SHORTEST_WAIT)
  // A native EventSource never reconnects after a 503. A request that does not name the media type is not from an EventSource.
  if (overload === 'reject' || !asksForEventStream(accept)) {
    forbidCaching(reply).code(503).header('retry-after', Math.ceil(wait / 1000))
    expose(headOfReply(reply), 'retry-after')
    return send(reply, new Overloaded())
  }
  setHead(reply, headers)
  forbidCaching(reply)
  return send(reply, method === 'HEAD' ? noBody() : encodeRetry(wait))
}

/** An empty stream. With no payload at all, Fastify's own HEAD routes would add `content-length: 0`, which GET does not have. */
function noBody (): Readable {
  return Readable.from([])
}

async function send (reply: FastifyReply, payload?: Readable | string | Error): Promise<void> {
  await new Promise<void>((resolve) => {
    whenClosed(reply.raw, resolve)
    reply.send(payload)
  })
}
