import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Admission } from './admission.ts'
import { readSubscribeOptions, type SubscribeOptions } from './call-options.ts'
import type { Channels } from './channels.ts'
import { textChunk } from './chunk.ts'
import type { CloseReason } from './close-reason.ts'
import { Cursor } from './cursor.ts'
import { Delivery } from './delivery.ts'
import { ChannelsExceeded, NotAcceptable, Overloaded, ReplyReplaced, ReplySent } from './errors.ts'
import type { GapReason } from './gap-reason.ts'
import { HandOver } from './hand-over.ts'
import { HeadPhase } from './head-phase.ts'
import type { Hub } from './hub.ts'
import { lastEventIdOf } from './last-event-id.ts'
import type { Log } from './log.ts'
import { acceptsEventStream, asksForEventStream } from './negotiate.ts'
import { demand } from './option-rules.ts'
import { encodeRetry } from './encode.ts'
import type { Overload, StreamHeaders } from './options.ts'
import { encodeOpen, FINAL_ID } from './own-events.ts'
import { place, startingPoint, type StartingPoint } from './placement.ts'
import { closeConnectionAfter, headOf, setGap, setHead } from './response-head.ts'
import { hasClosed, openWriter, whenClosed, type AnyResponse } from './response-writer.ts'
import { Subscriber } from './subscriber.ts'
import type { SubscriberContext } from './subscriber-context.ts'
import { Turnstile } from './turnstile.ts'

/** A reply of any Fastify server: HTTP/1.1, HTTPS, HTTP/2. */
export interface ReplyOfAnyServer {
  readonly raw: unknown
  readonly sent: boolean
  readonly request: { readonly raw: unknown, readonly headers: object }
  hijack (): unknown
}

export interface EventStreamParts {
  readonly log: Log
  readonly channels: Channels
  readonly hub: Hub
  /** What readers are told of it: milliseconds, or false. */
  readonly heartbeatInterval: number | false
  readonly admission: Admission
  readonly overload: Overload
  /** Milliseconds that a stream may still take to open when the server closes. */
  readonly shutdownTimeout: number
  readonly headers: (request: FastifyRequest) => StreamHeaders | Promise<StreamHeaders>
  /** May throw: that is logged by whoever hands it in. */
  onSubscribe (subscriber: Subscriber, request: FastifyRequest): void
}

/** What is to be opened. */
interface Start extends StartingPoint {
  readonly channels: readonly string[]
  readonly context: SubscriberContext
  /** Milliseconds of the hub's clock; Infinity: never. */
  readonly expiresAt: number
}

/** Where it starts, and what its reader has to be told first. */
interface Placed {
  readonly cursor: Cursor
  readonly gap: GapReason | undefined
}

/**
 * Turns a request into an event stream: request, negotiate, head, cursor, live.
 */
export class EventStreams {
  readonly #parts: EventStreamParts
  readonly #headPhase: HeadPhase
  readonly #turnstile = new Turnstile()

  constructor (parts: EventStreamParts) {
    this.#parts = parts
    this.#headPhase = new HeadPhase(parts.shutdownTimeout)
  }

  /**
   * @returns The subscriber, once its head is sent. One that is closed already, and was never counted, for HEAD, for a reader that
   * has left, and for one that was told to stay away: the network is no reason to reject.
   * @throws FST_SSE_NOT_ACCEPTABLE, FST_SSE_REPLY_SENT, FST_SSE_REPLY_REPLACED, FST_SSE_HEADER_INVALID, and what is wrong with an option
   */
  async subscribe (anyReply: ReplyOfAnyServer, options: SubscribeOptions = {}): Promise<Subscriber> {
    demand(typeof anyReply?.hijack === 'function', 'subscribe.reply', 'a Fastify reply', anyReply)
    const { channels, from, context, expiresAt } = readSubscribeOptions(options)
    const { log, hub } = this.#parts
    const { maxChannelsPerSubscriber } = hub.limits
    if (channels.length > maxChannelsPerSubscriber) throw new ChannelsExceeded(maxChannelsPerSubscriber)
    const reply = anyReply as FastifyReply
    const { request } = reply
    if (!acceptsEventStream(request.headers.accept)) throw new NotAcceptable()
    const lastEventId = lastEventIdOf(request.headers, request.raw.url!)
    const start = { channels, context, expiresAt: hub.now + expiresAt - Date.now(), ...startingPoint(log, from, lastEventId) }
    return this.#headPhase.add(reply, () => lastEventId === FINAL_ID ? this.#refuse(reply, start) : this.#turn(reply, start))
  }

  /** Ends what is being opened, as the hub ends what is open. */
  close (): Promise<void> {
    return this.#headPhase.close()
  }

  async #refuse (reply: FastifyReply, start: Start): Promise<Subscriber> {
    if (hasClosed(reply.raw)) return this.#neverOpened(reply, start, 'reader')
    this.#parts.hub.turnedAway('refused')
    // "A client can be told to stop reconnecting using the HTTP 204 No Content response code."
    await answer(reply.code(204))
    return this.#neverOpened(reply, start, 'refused')
  }

  async #turn (reply: FastifyReply, start: Start): Promise<Subscriber> {
    const { admission, headers } = this.#parts
    const { request } = reply
    const response: AnyResponse = reply.raw
    const turn = this.#turnstile.pass()
    if (turn !== undefined) await turn
    const key = await admission.keyOf(request)
    setHead(reply, await headers(request))
    // The handler has returned: it did not await this.
    if (reply.sent) throw new ReplySent()
    // It may have left during a hook of the application: `close` has been fired by then.
    if (hasClosed(response)) return this.#neverOpened(reply, start, 'reader')
    if (!admission.enter(key, response)) return this.#turnAway(reply, start)
    if (request.method === 'HEAD') return this.#sendHeadAlone(reply, start)
    return new Promise((resolve, reject) => {
      // While the onSend hooks run. A response that has ended was answered by one of them.
      const closed = (): void => response.writableEnded ? reject(new ReplyReplaced()) : resolve(this.#neverOpened(reply, start, 'reader'))
      response.once('close', closed)
      reply.send(new HandOver(response, () => {
        response.off('close', closed)
        if (hasClosed(response)) resolve(this.#neverOpened(reply, start, 'reader'))
        else resolve(this.#open(response, request, start))
        // Not before: hijacking skips the onSend hooks, and with them cookies and security headers.
        reply.hijack()
      }, reject))
    })
  }

  /** There is no place for it now. */
  async #turnAway (reply: FastifyReply, start: Start): Promise<Subscriber> {
    const { hub, overload } = this.#parts
    const { request } = reply
    hub.turnedAway('overload')
    const time = hub.drawReconnectionTime()
    // A native EventSource never comes back after a 503. Whoever did not ask for an event stream by name is none.
    if (overload === 'retry' && asksForEventStream(request.headers.accept)) {
      await answer(reply, request.method === 'HEAD' ? Readable.from([]) : encodeRetry(time))
    } else {
      await answer(reply.code(503).header('retry-after', Math.ceil(time / 1000)), new Overloaded())
    }
    return this.#neverOpened(reply, start, 'overload')
  }

  #place (start: Start): Placed {
    const { log, channels } = this.#parts
    const view = channels.view(start.channels)
    const { cursor, gap } = place(log, view, start)
    return { cursor: new Cursor(log, channels, view, cursor), gap }
  }

  /** A handler that returns the subscriber would otherwise be told that it has answered twice. */
  #neverOpened (reply: FastifyReply, start: Start, reason: CloseReason): Subscriber {
    reply.hijack()
    const { log, channels, hub } = this.#parts
    // Who was cut for taking too long has not left.
    const ended = reason === 'reader' && this.#headPhase.isClosing ? 'shutdown' : reason
    const cursor = new Cursor(log, channels, channels.view(start.channels), log.head)
    return new Subscriber(hub, Delivery.closed(hub, cursor, ended), start.context)
  }

  /** The head that GET would get. */
  async #sendHeadAlone (reply: FastifyReply, start: Start): Promise<Subscriber> {
    const { cursor, gap } = this.#place(start)
    cursor.release()
    if (gap !== undefined) setGap({ get: (name) => reply.getHeader(name), set: (name, value) => reply.header(name, value) }, gap)
    // A stream, not nothing: Fastify's own HEAD routes would say `content-length: 0`, which GET does not.
    await answer(reply, Readable.from([]))
    return this.#neverOpened(reply, start, 'ended')
  }

  #open (response: AnyResponse, request: FastifyRequest, start: Start): Subscriber {
    const { hub, onSubscribe } = this.#parts
    const { cursor, gap } = this.#place(start)
    if (gap !== undefined) {
      setGap(headOf(response), gap)
      hub.traffic.gaps[gap]++
    }
    if (hub.isClosing) closeConnectionAfter(response)
    const opening = textChunk(this.#opening(cursor, gap, start.lastEventId))
    const writer = openWriter(response, opening, hub.limits.maxBacklogBytes)
    const subscriber = new Subscriber(hub, new Delivery(hub, cursor, writer, start.expiresAt), start.context)
    whenClosed(response, () => subscriber.responseClosed())
    discardBody(request)
    // Not an error of ours: `close` follows, and says that the reader has gone.
    response.on('error', () => {})
    hub.traffic.bytes += opening.plain.length
    hub.add(subscriber)
    if (hub.now >= start.expiresAt) subscriber.delivery.revoke('expired', false)
    if (cursor.isBehind) {
      hub.traffic.replays++
      // Nothing else wakes the pump before the next event.
      hub.ready(subscriber.delivery)
    }
    onSubscribe(subscriber, request)
    return subscriber
  }

  #opening (cursor: Cursor, gap: GapReason | undefined, lastEventId: string | undefined): string {
    const { hub, heartbeatInterval } = this.#parts
    const time = hub.drawReconnectionTime()
    if (gap === undefined) return encodeOpen(time, heartbeatInterval, cursor.lastEventId)
    // No id with `sse.open` then: a reader cut off between the two would come back from here, and never hear of the gap.
    // An id that is none of ours is not sent back: it may be anything, of any length.
    return encodeOpen(time, heartbeatInterval, null) + cursor.gap(gap, gap === 'unknown' ? undefined : lastEventId)
  }
}

/** Where nobody takes a body, Node stops reading the connection, and does not see its reader leave. With HTTP/2 it goes on. */
function discardBody ({ body, raw }: FastifyRequest): void {
  if (raw instanceof IncomingMessage && raw.socket instanceof Socket && body === undefined && raw.readableFlowing === null) raw.resume()
}

/** Resolves when it is sent: a handler that returned earlier would be taken for one that forgot to answer. */
async function answer (reply: FastifyReply, payload?: Readable | string | Error): Promise<void> {
  await new Promise<void>((resolve) => {
    whenClosed(reply.raw, resolve)
    reply.send(payload)
  })
}
