import type { FastifyReply, FastifyRequest } from 'fastify'
import { resumption } from '../cursor/placement.ts'
import { ChannelsExceeded, NotAcceptable, ReplyReplaced, ReplySent } from '../errors.ts'
import { demand } from '../option-rules.ts'
import type { Admission } from './admission.ts'
import type { Feed, Start } from './feed.ts'
import { lastEventIdOf } from './last-event-id.ts'
import { acceptsEventStream, codingFor } from './content-negotiation.ts'
import { OpeningQueue } from './opening-queue.ts'
import { PendingReplies } from './pending-replies.ts'
import { refuse, sendHeadAlone, turnAway, type Overload } from './refusals.ts'
import { addVary, checkHeaders, closeConnectionAfter, refuseLateStatus, refuseStatus, refuseTrailers, setHead, type StreamHeaders } from './response-head.ts'
import { ResponseTakeover } from './response-takeover.ts'
import type { StreamStarter } from './stream-starter.ts'
import { readSubscribeOptions, type Plain, type SubscribeOptions, type Subscription } from './subscribe-options.ts'
import { watchIgnoredUpgrade } from './ignored-upgrades.ts'
import { LEFT, whileOpen } from './wait-while-open.ts'
import { hasClosed, type AnyResponse } from '../response/any-response.ts'
import { waitInLine } from '../response/pipelining.ts'
import type { Hub } from '../subscribers/hub.ts'
import type { Subscriber } from '../subscribers/subscriber.ts'
import type { ShutdownDeadline } from '../time/shutdown-deadline.ts'
import { FINAL_ID } from '../wire/plugin-events.ts'
import type { CloseReason } from '../wire/reasons.ts'

/** The part of a Fastify reply that `subscribe` uses, for any server: HTTP/1.1, HTTPS or HTTP/2. */
export interface ReplyOfAnyServer {
  readonly raw: unknown
  readonly sent: boolean
  readonly request: { readonly raw: unknown, readonly headers: object }
  hijack (): unknown
}

export interface StreamOpenerParts {
  readonly hub: Hub
  readonly starter: StreamStarter
  /** The feed of `subscribe`. */
  readonly feed: Feed
  readonly admission: Admission
  readonly overload: Overload
  readonly shutdownDeadline: ShutdownDeadline
  readonly headers: (request: FastifyRequest) => StreamHeaders | Promise<StreamHeaders>
}

/** A function of the application that returns the options of a stream. */
export type GiveOptions = () => SubscribeOptions | undefined | Promise<SubscribeOptions | undefined>

/** A stream that is wanted. */
export interface Wanted extends Subscription {
  readonly feed: Feed
}

/** Turns requests into event streams, step by step: options, negotiation, admission, hooks, start. */
export class StreamOpener {
  readonly #parts: StreamOpenerParts
  readonly #pendingReplies: PendingReplies
  readonly #openingQueue = new OpeningQueue()

  constructor (parts: StreamOpenerParts) {
    this.#parts = parts
    this.#pendingReplies = new PendingReplies(parts.shutdownDeadline)
  }

  /**
   * Turns a reply into an event stream.
   *
   * @returns A promise of the subscriber, once its head is sent. If no stream opens, the subscriber is already closed and was never counted:
   * for HEAD, if the reader has left or was told to stay away, or if a limit is reached. The promise does not reject because of the network.
   * @throws FST_SSE_NOT_ACCEPTABLE, FST_SSE_REPLY_SENT, FST_SSE_REPLY_REPLACED, FST_SSE_STATUS_SET, FST_SSE_TRAILERS_SET, FST_SSE_HEADER_INVALID,
   * FST_SSE_CHANNELS_EXCEEDED, FST_SSE_CHANNEL_INVALID, FST_SSE_OPTION_INVALID, FST_SSE_OPTION_UNKNOWN; any error of a function of the application.
   */
  subscribe (reply: ReplyOfAnyServer, options: SubscribeOptions = {}): Promise<Subscriber> {
    return this.subscribeBy(reply, () => options)
  }

  /**
   * Turns a reply into an event stream, as `subscribe` does. A closing server waits for the options no longer than `shutdownTimeout`.
   *
   * @param plain The default of the option `plain`.
   */
  subscribeBy (reply: ReplyOfAnyServer, give: GiveOptions, plain: Plain = false): Promise<Subscriber> {
    const { feed } = this.#parts
    return this.open(reply, give, (options = {}) => ({ feed, ...readSubscribeOptions(options, plain) }))
  }

  /**
   * Turns a reply into the stream that is wanted.
   *
   * @param give Returns what decides about the stream. A closing server waits for it no longer than `shutdownTimeout`.
   * @param want Returns the stream that is wanted then.
   */
  async open<T> (anyReply: ReplyOfAnyServer, give: () => T | Promise<T>, want: (given: T) => Wanted): Promise<Subscriber> {
    demand(typeof anyReply?.hijack === 'function', 'subscribe.reply', 'a Fastify reply', anyReply)
    const reply = anyReply as FastifyReply
    return this.#pendingReplies.add(reply, async () => {
      // Checked first, because the response to any other error would have that status.
      refuseStatus(reply)
      watchIgnoredUpgrade(reply.raw)
      const given = await whileOpen(reply.raw, give())
      if (given !== LEFT) return this.#negotiate(reply, want(given))
      if (reply.sent) throw new ReplySent()
      return this.#neverOpened(reply, { feed: this.#parts.feed, channels: [], context: {} }, 'reader')
    })
  }

  /** Waits for the streams that are opening, and cuts them at the shutdown deadline. The hub does this for open streams. */
  close (): Promise<void> {
    return this.#pendingReplies.close()
  }

  async #negotiate (reply: FastifyReply, wanted: Wanted): Promise<Subscriber> {
    const { hub, shutdownDeadline } = this.#parts
    const { feed, channels, context, expiresAt, form = hub.form, from, resume } = wanted
    const { maxChannelsPerSubscriber } = hub.limits
    if (channels.length > maxChannelsPerSubscriber) throw new ChannelsExceeded(maxChannelsPerSubscriber)
    const { request, raw: response } = reply
    // Determined now and not when the stream starts, so that entries placed in between are not missed.
    const chosen = feed.startingPoint(from)
    const turn = this.#openingQueue.pass()
    if (turn !== undefined) await turn
    if (reply.sent) throw new ReplySent()
    // The reader may have left during a hook of the application. `close` was emitted then, and does not come again.
    if (hasClosed(response)) return this.#neverOpened(reply, wanted, 'reader')
    // Parsed after the queue, because the sender of a request determines how long the headers are.
    // Programs that read plain streams may ask for another type, as the OpenAI SDK does.
    if (!form.isPlain && !acceptsEventStream(request.headers.accept)) throw new NotAcceptable()
    const lastEventId = lastEventIdOf(request.headers, request.raw.url!)
    const coding = feed.compresses ? codingFor(request.headers['accept-encoding']) : 'identity'
    const at = resume && lastEventId !== undefined ? resumption(lastEventId) : chosen
    const start = { feed, at, channels, coding, form, context, expiresAt: hub.now + expiresAt - Date.now() }
    if (shutdownDeadline.isUnderway) closeConnectionAfter(response)
    return lastEventId === FINAL_ID ? this.#refuse(reply, start) : this.#admit(reply, start)
  }

  /** Tells a reader that has everything to stay away. */
  async #refuse (reply: FastifyReply, start: Start): Promise<Subscriber> {
    this.#parts.hub.turnedAway('refused')
    await refuse(reply)
    return this.#neverOpened(reply, start, 'refused')
  }

  async #admit (reply: FastifyReply, start: Start): Promise<Subscriber> {
    const { admission, hub, shutdownDeadline, overload } = this.#parts
    const { feed, at, form } = start
    const { request } = reply
    const response: AnyResponse = reply.raw
    const key = await whileOpen(response, admission.keyOf(request))
    const given = key === LEFT ? LEFT : await whileOpen(response, this.#parts.headers(request))
    // Before the head, which says whether there is a gap.
    const ahead = at.from === 'id' ? feed.wait(at.id) : undefined
    if (ahead !== undefined) await whileOpen(response, ahead)
    // The handler did not await this call, and its response is sent.
    if (reply.sent) throw new ReplySent()
    if (key === LEFT || given === LEFT || hasClosed(response)) return this.#neverOpened(reply, start, 'reader')
    const headers = checkHeaders(given)
    if (shutdownDeadline.isUnderway) closeConnectionAfter(response)
    if (feed.hasAll(at, form)) return this.#refuse(reply, start)
    if (!waitInLine(response)) {
      // Cut without a response, which would have to wait for all earlier responses on the connection.
      hub.turnedAway('overload')
      response.req.socket.destroy()
      return this.#neverOpened(reply, start, 'overload')
    }
    if (!admission.enter(key, response)) {
      hub.turnedAway('overload')
      // Without an event, a stream that ends would be taken for a complete answer.
      await turnAway(reply, form.isPlain ? 'reject' : overload, headers, hub.drawReconnectionTime())
      return this.#neverOpened(reply, start, 'overload')
    }
    if (feed.compresses) addVary(reply, 'Accept-Encoding')
    if (request.method === 'HEAD') return this.#answerHead(reply, start, headers)
    setHead(reply, headers)
    return this.#takeOver(reply, start)
  }

  async #answerHead (reply: FastifyReply, start: Start, headers: StreamHeaders): Promise<Subscriber> {
    const { cursor, gap } = start.feed.place(start)
    cursor.release()
    await sendHeadAlone(reply, headers, start.coding, gap)
    return this.#neverOpened(reply, start, 'ended')
  }

  /** Lets Fastify run the onSend hooks, then starts the stream on the raw response. */
  #takeOver (reply: FastifyReply, start: Start): Promise<Subscriber> {
    const { request } = reply
    const response: AnyResponse = reply.raw
    return new Promise((resolve, reject) => {
      // The response closed during the onSend hooks. If it has ended, a hook has responded; otherwise the reader has left.
      const closed = (): void => response.writableEnded ? reject(new ReplyReplaced()) : resolve(this.#neverOpened(reply, start, 'reader'))
      response.once('close', closed)
      reply.send(new ResponseTakeover(response, () => {
        response.off('close', closed)
        refuseTrailers(reply)
        refuseLateStatus(reply)
        resolve(hasClosed(response) ? this.#neverOpened(reply, start, 'reader') : this.#parts.starter.start(response, request, start))
        // Called last, because hijacking skips the onSend hooks, and with them cookies and security headers.
        reply.hijack()
      }, reject))
    })
  }

  #neverOpened (reply: FastifyReply, start: Pick<Start, 'feed' | 'channels' | 'context'>, reason: CloseReason): Subscriber {
    // Otherwise Fastify would report a second response when the handler returns the subscriber.
    reply.hijack()
    // The cut at the shutdown deadline looks like a reader that has left.
    return this.#parts.starter.closed(start, this.#pendingReplies.wasCut(reply) ? 'shutdown' : reason)
  }
}
