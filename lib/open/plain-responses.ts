import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Overloaded } from '../errors.ts'
import { asksForEventStream } from './negotiate.ts'
import { expose, headOfReply, setCoding, setGap, setHead, type StreamHeaders } from './response-head.ts'
import { whenClosed } from '../response/any-response.ts'
import type { CodingName } from '../wire/http-chunk.ts'
import { encodeRetry } from '../wire/encode.ts'
import type { GapReason } from '../wire/reasons.ts'

/** `'retry'`: a stream that only says when to come back, which browsers survive. `'reject'`: 503, after which native readers stay away. */
export type Overload = 'retry' | 'reject'

// What a request gets for which no event stream opens. Each resolves when it is sent: a handler that returned earlier would be taken
// for one that forgot to answer.

// An overloaded server is not asked again at once, whatever readers are told otherwise.
const SHORTEST_WAIT = 1000

/** Keeps an answer out of every cache: one that holds it would give it to all readers, and native ones stay away for good. */
export function forbidCaching (reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store')
}

/** "A client can be told to stop reconnecting using the HTTP 204 No Content response code." */
export function refuse (reply: FastifyReply): Promise<void> {
  return answer(forbidCaching(reply).code(204))
}

/** The head that GET would get. */
export function sendHeadAlone (reply: FastifyReply, headers: StreamHeaders, coding: CodingName, gap: GapReason | undefined): Promise<void> {
  setHead(reply, headers)
  setCoding(headOfReply(reply), coding)
  if (gap !== undefined) setGap(headOfReply(reply), gap)
  return answer(reply, noBody())
}

/**
 * There is no place for it now.
 *
 * @param time Milliseconds after which its reader may come back.
 */
export function turnAway (reply: FastifyReply, overload: Overload, headers: StreamHeaders, time: number): Promise<void> {
  const { method, headers: { accept } } = reply.request
  const wait = Math.max(time, SHORTEST_WAIT)
  // A native EventSource never comes back after a 503. Whoever did not ask for an event stream by name is none.
  if (overload === 'reject' || !asksForEventStream(accept)) {
    forbidCaching(reply).code(503).header('retry-after', Math.ceil(wait / 1000))
    expose(headOfReply(reply), 'retry-after')
    return answer(reply, new Overloaded())
  }
  setHead(reply, headers)
  forbidCaching(reply)
  return answer(reply, method === 'HEAD' ? noBody() : encodeRetry(wait))
}

/** A stream, not nothing: Fastify's own HEAD routes would say `content-length: 0`, which GET does not. */
function noBody (): Readable {
  return Readable.from([])
}

async function answer (reply: FastifyReply, payload?: Readable | string | Error): Promise<void> {
  await new Promise<void>((resolve) => {
    whenClosed(reply.raw, resolve)
    reply.send(payload)
  })
}
