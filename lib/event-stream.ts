import { validateHeaderName, validateHeaderValue } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { View } from './channels.ts'
import { textChunk } from './chunk.ts'
import { HeaderInvalid, NotAcceptable, ReplyReplaced, ReplySent } from './errors.ts'
import type { Hub } from './hub.ts'
import { lastEventIdOf } from './last-event-id.ts'
import type { Log, Placement } from './log.ts'
import { acceptsEventStream, HEAD } from './negotiate.ts'
import { encodeOpen } from './own-events.ts'
import { hasClosed, openWriter, whenClosed, type AnyResponse } from './response-writer.ts'
import { Subscriber, type SubscriberContext } from './subscriber.ts'

/** What may be said of a subscriber when it subscribes. */
export interface SubscribeOptions {
  /**
   * Where it starts: `'head'` with what comes next, `'oldest'` with everything kept, or after an event ID.
   *
   * @defaultValue the last event ID that the request brings, otherwise `'head'`
   */
  readonly from?: 'head' | 'oldest' | (string & {})
  /** Yours; comes back as `subscriber.context`. */
  readonly context?: SubscriberContext
}

/** A reply of any Fastify server: HTTP/1.1, HTTPS, HTTP/2. */
export interface ReplyOfAnyServer {
  readonly raw: unknown
  readonly sent: boolean
  readonly request: { readonly raw: unknown, readonly headers: object }
  hijack (): unknown
}

export interface EventStreamParts {
  readonly log: Log
  readonly view: View
  readonly hub: Hub
  readonly maxBacklogBytes: number
  readonly headers: ((request: FastifyRequest) => Record<string, string | number | readonly string[]>) | undefined
  /** May throw: that is logged by whoever hands it in. */
  onSubscribe (subscriber: Subscriber, request: FastifyRequest): void
}

/**
 * Turns a request into an event stream: request, negotiate, cursor, head, live.
 */
export class EventStreams {
  readonly #parts: EventStreamParts

  constructor (parts: EventStreamParts) {
    this.#parts = parts
  }

  /**
   * @returns The subscriber, once its head is sent. One that is closed already, and was never counted, for HEAD and for a reader
   * that has left: the network is no reason to reject.
   * @throws FST_SSE_NOT_ACCEPTABLE, FST_SSE_REPLY_SENT, FST_SSE_REPLY_REPLACED, FST_SSE_HEADER_INVALID
   */
  async subscribe (anyReply: ReplyOfAnyServer, { from, context = {} }: SubscribeOptions = {}): Promise<Subscriber> {
    const reply = anyReply as FastifyReply
    const { request } = reply
    if (reply.sent) throw new ReplySent()
    if (!acceptsEventStream(request.headers.accept)) throw new NotAcceptable()
    const placement = this.#place(from ?? lastEventIdOf(request.headers, request.raw.url!), from === undefined)
    this.#setHead(reply)
    const response: AnyResponse = reply.raw
    // It may have left during a hook of the application: `close` has been fired by then.
    if (hasClosed(response)) {
      reply.hijack()
      return this.#closed(context, placement, 'reader')
    }
    if (request.method === 'HEAD') {
      await sendHeadAlone(reply)
      return this.#closed(context, placement, 'ended')
    }
    return new Promise((resolve, reject) => {
      const left = (): void => resolve(this.#closed(context, placement, 'reader'))
      // While the onSend hooks run. A response that has ended was answered by one of them.
      const closed = (): void => response.writableEnded ? reject(new ReplyReplaced()) : left()
      response.once('close', closed)
      reply.send(new HandOver(response, {
        take: () => {
          response.off('close', closed)
          if (hasClosed(response)) left()
          else resolve(this.#open(response, request, context, placement))
          // Not before: hijacking skips the onSend hooks, and with them cookies and security headers.
          reply.hijack()
        },
        replaced: () => reject(new ReplyReplaced()),
        failed: reject
      }))
    })
  }

  /** @param fromReader Readers bring event IDs only: the words `head` and `oldest` are the application's. */
  #place (from: string | undefined, fromReader: boolean): Start {
    const { log } = this.#parts
    if (from === undefined || (from === 'head' && !fromReader)) return { cursor: log.head }
    if (from === 'oldest' && !fromReader) return { cursor: log.oldest() }
    return { ...log.resume(from), lastEventId: from }
  }

  #setHead (reply: FastifyReply): void {
    const further = Object.entries(this.#parts.headers?.(reply.request) ?? {})
    for (const [name, value] of further) checkHeader(name, value)
    // A hook that set them meant another body.
    reply.removeHeader('content-length').removeHeader('content-encoding')
    reply.code(200).headers(HEAD)
    for (const [name, value] of further) reply.header(name, value)
  }

  #open (response: AnyResponse, request: FastifyRequest, context: SubscriberContext, start: Start): Subscriber {
    const { log, view, hub, maxBacklogBytes, onSubscribe } = this.#parts
    const opening = textChunk(this.#opening(start))
    const writer = openWriter(response, opening, maxBacklogBytes)
    const subscriber = new Subscriber(view, hub, writer, context, start.cursor)
    whenClosed(response, () => subscriber.responseClosed())
    // Not an error of ours: `close` follows, and says that the reader has gone.
    response.on('error', () => {})
    hub.traffic.bytes += opening.plain.length
    if (start.gap !== undefined) hub.traffic.gaps++
    hub.add(subscriber)
    if (start.cursor < log.head) {
      hub.traffic.replays++
      // Nothing else wakes the pump before the next event.
      hub.ready(subscriber)
    }
    onSubscribe(subscriber, request)
    return subscriber
  }

  #opening ({ cursor, gap, lastEventId }: Start): string {
    const { view, hub } = this.#parts
    const time = hub.drawReconnectionTime()
    if (gap === undefined) return encodeOpen(time, view.idBefore(cursor))
    // No id with `sse.open` then: a reader cut off between the two would come back from here, and never hear of the gap.
    // An id that is none of ours is not sent back: it may be anything, of any length.
    return encodeOpen(time, null) + view.gap(cursor, gap, gap === 'unknown' ? undefined : lastEventId)
  }

  #closed (context: SubscriberContext, { cursor }: Start, reason: 'reader' | 'ended'): Subscriber {
    return Subscriber.closed(this.#parts.view, context, cursor, reason)
  }
}

/** Where a subscriber starts, and what its reader said of it. */
interface Start extends Placement {
  readonly lastEventId?: string
}

/**
 * A payload without a body. Fastify runs the onSend hooks and sets the headers of any stream it is given; then it pipes it, and in
 * that moment the response is complete but for its body. Whoever else reads it finds it empty.
 */
class HandOver extends Readable {
  readonly #response: AnyResponse
  readonly #parts: HandOverParts

  constructor (response: AnyResponse, parts: HandOverParts) {
    super()
    this.#response = response
    this.#parts = parts
  }

  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    if (destination as unknown !== this.#response) return super.pipe(destination, options)
    try {
      this.#parts.take()
      // Fastify watches a payload until it ends: now, so that it does not for as long as the stream is open.
      this.push(null)
      this.resume()
    } catch (error) {
      this.#parts.failed(error)
      this.destroy(error as Error)
    }
    return destination
  }

  override _read (): void {
    this.#parts.replaced()
    this.push(null)
  }
}

interface HandOverParts {
  /** The response is yours. */
  take (): void
  /** An onSend hook reads this instead of handing it on. */
  replaced (): void
  /** `take` threw. */
  failed (error: unknown): void
}

/** The head that GET would get. Resolves when it is sent: a handler that returned earlier would be taken for one that forgot to answer. */
async function sendHeadAlone (reply: FastifyReply): Promise<void> {
  await new Promise<void>((resolve) => {
    whenClosed(reply.raw, resolve)
    // A stream, not nothing: Fastify's own HEAD routes would say `content-length: 0`, which GET does not.
    reply.send(Readable.from([]))
  })
  // A handler that returns the subscriber would otherwise be told that it has answered twice.
  reply.hijack()
}

// Without the first three the response would not be an event stream, or its body would be framed twice; the others belong to the
// connection: HTTP/2 refuses them.
const OURS = ['content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'trailer', 'connection', 'keep-alive', 'upgrade']

function checkHeader (name: string, value: unknown): void {
  if (OURS.includes(name.toLowerCase())) throw new HeaderInvalid(name, 'it is set by the event stream itself')
  try {
    validateHeaderName(name)
    for (const line of [value].flat()) {
      if (typeof line !== 'string' && typeof line !== 'number') throw new TypeError('its value must be text, a number, or a list of these')
      validateHeaderValue(name, String(line))
    }
  } catch (cause) {
    throw new HeaderInvalid(name, (cause as Error).message)
  }
}
