import { validateHeaderName, validateHeaderValue } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { View } from './channels.ts'
import { textChunk } from './chunk.ts'
import type { CloseReason } from './close-reason.ts'
import { HeaderInvalid, NotAcceptable, ReplyReplaced, ReplySent } from './errors.ts'
import type { Hub } from './hub.ts'
import { lastEventIdOf } from './last-event-id.ts'
import type { Log, Placement } from './log.ts'
import { acceptsEventStream, HEAD } from './negotiate.ts'
import { readSubscribeOptions, type StreamHeaders, type SubscribeOptions } from './options.ts'
import { encodeOpen } from './own-events.ts'
import { hasClosed, openWriter, whenClosed, type AnyResponse } from './response-writer.ts'
import { Subscriber, type SubscriberContext } from './subscriber.ts'

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
  readonly headers: (request: FastifyRequest) => StreamHeaders | Promise<StreamHeaders>
  /** May throw: that is logged by whoever hands it in. */
  onSubscribe (subscriber: Subscriber, request: FastifyRequest): void
}

/**
 * Turns a request into an event stream: request, negotiate, cursor, head, live.
 */
export class EventStreams {
  readonly #parts: EventStreamParts
  /** Replies that are being turned into streams: while their onSend hooks run, Fastify does not know yet. */
  readonly #taken = new WeakSet<FastifyReply>()

  constructor (parts: EventStreamParts) {
    this.#parts = parts
  }

  /**
   * @returns The subscriber, once its head is sent. One that is closed already, and was never counted, for HEAD and for a reader
   * that has left: the network is no reason to reject.
   * @throws FST_SSE_NOT_ACCEPTABLE, FST_SSE_REPLY_SENT, FST_SSE_REPLY_REPLACED, FST_SSE_HEADER_INVALID, and what is wrong with an option
   */
  async subscribe (anyReply: ReplyOfAnyServer, options: SubscribeOptions = {}): Promise<Subscriber> {
    const { from, context } = readSubscribeOptions(options)
    const reply = anyReply as FastifyReply
    const { request } = reply
    if (reply.sent || this.#taken.has(reply)) throw new ReplySent()
    if (!acceptsEventStream(request.headers.accept)) throw new NotAcceptable()
    this.#taken.add(reply)
    const start = this.#place(from ?? lastEventIdOf(request.headers, request.raw.url!), from === undefined)
    setHead(reply, Object.entries(await this.#parts.headers(request)))
    const response: AnyResponse = reply.raw
    const neverOpened = (reason: CloseReason): Subscriber => {
      // A handler that returns the subscriber would otherwise be told that it has answered twice.
      reply.hijack()
      return Subscriber.closed(this.#parts.view, context, start.cursor, reason)
    }
    // It may have left during a hook of the application: `close` has been fired by then.
    if (hasClosed(response)) return neverOpened('reader')
    if (request.method === 'HEAD') {
      await sendHeadAlone(reply)
      return neverOpened('ended')
    }
    return new Promise((resolve, reject) => {
      // While the onSend hooks run. A response that has ended was answered by one of them.
      const closed = (): void => response.writableEnded ? reject(new ReplyReplaced()) : resolve(neverOpened('reader'))
      response.once('close', closed)
      reply.send(new HandOver(response, () => {
        response.off('close', closed)
        resolve(hasClosed(response) ? neverOpened('reader') : this.#open(response, request, context, start))
        // Not before: hijacking skips the onSend hooks, and with them cookies and security headers.
        reply.hijack()
      }, reject))
    })
  }

  /** @param fromReader Readers bring event IDs only: the words `head` and `oldest` are the application's. */
  #place (from: string | undefined, fromReader: boolean): Start {
    const { log } = this.#parts
    if (from === undefined || (from === 'head' && !fromReader)) return { cursor: log.head }
    if (from === 'oldest' && !fromReader) return { cursor: log.oldest() }
    return { ...log.resume(from), lastEventId: from }
  }

  #open (response: AnyResponse, request: FastifyRequest, context: SubscriberContext, placed: Start): Subscriber {
    const { log, view, hub, maxBacklogBytes, onSubscribe } = this.#parts
    // What was kept when the cursor was placed may have been evicted while the onSend hooks ran.
    const start: Start = placed.cursor >= log.start ? placed : { ...placed, cursor: log.start, gap: placed.gap ?? 'evicted' }
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
  readonly #take: () => void
  readonly #failed: (error: unknown) => void

  /**
   * @param take The response is yours.
   * @param failed It will not be: an onSend hook reads this instead of handing it on, or `take` threw.
   */
  constructor (response: AnyResponse, take: () => void, failed: (error: unknown) => void) {
    super()
    this.#response = response
    this.#take = take
    this.#failed = failed
  }

  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    if (destination as unknown !== this.#response) return super.pipe(destination, options)
    try {
      // Of a hook that meant another body: this one has no length, and is not encoded.
      this.#response.removeHeader('content-length')
      this.#response.removeHeader('content-encoding')
      this.#take()
      // Fastify watches a payload until it ends: now, so that it does not for as long as the stream is open.
      this.push(null)
      this.resume()
    } catch (error) {
      this.#failed(error)
      this.destroy(error as Error)
    }
    return destination
  }

  override _read (): void {
    this.#failed(new ReplyReplaced())
    // Not at once: the error is the answer, and has to come before this end becomes one.
    setImmediate(() => this.push(null))
  }
}

/** The head that GET would get. Resolves when it is sent: a handler that returned earlier would be taken for one that forgot to answer. */
async function sendHeadAlone (reply: FastifyReply): Promise<void> {
  await new Promise<void>((resolve) => {
    whenClosed(reply.raw, resolve)
    // A stream, not nothing: Fastify's own HEAD routes would say `content-length: 0`, which GET does not.
    reply.send(Readable.from([]))
  })
}

// Without the first three the response would not be an event stream, or its body would be framed twice; the others belong to the
// connection: HTTP/2 refuses them.
const OURS = ['content-type', 'content-length', 'content-encoding', 'transfer-encoding', 'trailer', 'connection', 'keep-alive', 'upgrade']

/** All are checked before any is set: an error answer has none of them. */
function setHead (reply: FastifyReply, further: ReadonlyArray<[name: string, value: StreamHeaders[string]]>): void {
  for (const [name, value] of further) checkHeader(name, value)
  reply.code(200).headers(HEAD)
  for (const [name, value] of further) {
    // Others have a word in this one: @fastify/cors says here that the answer depends on the origin.
    const others = name.toLowerCase() === 'vary' ? [reply.getHeader('vary') ?? []].flat() : []
    reply.header(name, others.length === 0 ? value : [...others, value].flat().join(', '))
  }
}

/** @throws FST_SSE_HEADER_INVALID */
function checkHeader (name: string, value: unknown): void {
  if (OURS.includes(name.toLowerCase())) throw new HeaderInvalid(name, 'it is set by the event stream itself')
  for (const line of [value].flat()) {
    if (typeof line !== 'string' && typeof line !== 'number') throw new HeaderInvalid(name, 'its value must be text, a number, or a list of these')
    try {
      validateHeaderName(name)
      validateHeaderValue(name, String(line))
    } catch (cause) {
      throw new HeaderInvalid(name, (cause as Error).message)
    }
  }
}
