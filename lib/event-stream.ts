import type { Server } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Admission } from './admission.ts'
import { hasClosed, whenClosed, type AnyResponse } from './any-response.ts'
import { readSubscribeOptions, type SubscribeOptions } from './call-options.ts'
import type { Channels } from './channels.ts'
import { textChunk } from './chunk.ts'
import type { CloseReason } from './close-reason.ts'
import type { CodingName } from './coding.ts'
import type { Closing } from './closing.ts'
import { Cursor } from './cursor.ts'
import { Delivery } from './delivery.ts'
import { ChannelsExceeded, NotAcceptable, ReplyReplaced, ReplySent } from './errors.ts'
import type { GapReason } from './gap-reason.ts'
import { HandOver } from './hand-over.ts'
import { HeadPhase } from './head-phase.ts'
import type { Hub } from './hub.ts'
import { lastEventIdOf } from './last-event-id.ts'
import type { Log } from './log.ts'
import { acceptsEventStream, codingFor } from './negotiate.ts'
import { openWriter } from './open-writer.ts'
import { demand } from './option-rules.ts'
import type { Overload, StreamHeaders } from './options.ts'
import { encodeOpen, FINAL_ID } from './own-events.ts'
import { serverOf } from './out-of-service.ts'
import { waitInLine } from './pipeline.ts'
import { place, resumption, startingPoint, type AfterGap, type Placement, type StartingPoint } from './placement.ts'
import { refuse, sendHeadAlone, turnAway } from './plain-answer.ts'
import { addVary, checkHeaders, closeConnectionAfter, headOf, refuseLateStatus, refuseStatus, refuseTrailers, setCoding, setGap, setHead } from './response-head.ts'
import type { SubscriberContext } from './subscriber-context.ts'
import { Subscriber } from './subscriber.ts'
import { Turnstile } from './turnstile.ts'
import { discardBody } from './unread-body.ts'
import { watchUpgraded } from './upgraded.ts'
import { LEFT, whileOpen } from './while-open.ts'

/** A reply of any Fastify server: HTTP/1.1, HTTPS, HTTP/2. */
export interface ReplyOfAnyServer {
  readonly raw: unknown
  readonly sent: boolean
  readonly request: { readonly raw: unknown, readonly headers: object }
  hijack (): unknown
}

interface EventStreamParts {
  readonly log: Log
  readonly channels: Channels
  readonly hub: Hub
  /** What `encodeOpening` gave. */
  readonly opening: string
  readonly admission: Admission
  readonly overload: Overload
  readonly afterGap: AfterGap
  readonly closing: Closing
  /** Whether readers that take gzip get it. */
  readonly compresses: boolean
  readonly headers: (request: FastifyRequest) => StreamHeaders | Promise<StreamHeaders>
  /** May throw: that is logged by whoever hands it in. */
  onSubscribe (subscriber: Subscriber, request: FastifyRequest): void
}

/** A function of the application that gives the options of a stream. */
type GiveOptions = () => SubscribeOptions | undefined | Promise<SubscribeOptions | undefined>

/** What is to be opened. */
interface Start {
  readonly at: StartingPoint
  readonly channels: readonly string[]
  readonly coding: CodingName
  readonly context: SubscriberContext
  /** Milliseconds of the hub's clock; Infinity: never. */
  readonly expiresAt: number
}

/** Where it starts, and what its reader has to be told first. */
interface Placed extends Omit<Placement, 'cursor'> {
  readonly cursor: Cursor
}

/** Of a reader that left before the application had said what it is to hear. */
const NOTHING_ASKED = { channels: [], context: {} }

/**
 * Turns a request into an event stream: request, negotiate, head, cursor, live.
 */
export class EventStreams {
  readonly #parts: EventStreamParts
  readonly #headPhase: HeadPhase
  readonly #turnstile = new Turnstile()
  /** Those that its streams came by. */
  readonly servers = new Set<Server>()

  constructor (parts: EventStreamParts) {
    this.#parts = parts
    this.#headPhase = new HeadPhase(parts.closing)
  }

  /**
   * @returns The subscriber, once its head is sent. One that is closed already, and was never counted, for HEAD, for a reader that
   * has left, for one that was told to stay away, and where there is no place: the network is no reason to reject.
   * @throws FST_SSE_NOT_ACCEPTABLE, FST_SSE_REPLY_SENT, FST_SSE_REPLY_REPLACED, FST_SSE_STATUS_SET, FST_SSE_TRAILERS_SET, FST_SSE_HEADER_INVALID, what is
   * wrong with an option, and what functions of the application throw
   */
  subscribe (reply: ReplyOfAnyServer, options: SubscribeOptions = {}): Promise<Subscriber> {
    return this.subscribeBy(reply, () => options)
  }

  /** Does as `subscribe` does, and waits for the options no longer than for all else. */
  async subscribeBy (anyReply: ReplyOfAnyServer, give: GiveOptions): Promise<Subscriber> {
    demand(typeof anyReply?.hijack === 'function', 'subscribe.reply', 'a Fastify reply', anyReply)
    const reply = anyReply as FastifyReply
    return this.#headPhase.add(reply, async () => {
      // First: every other error would go out with that status, too.
      refuseStatus(reply)
      watchUpgraded(reply.raw)
      const given = await whileOpen(reply.raw, give())
      if (given !== LEFT) return this.#subscribe(reply, given)
      if (reply.sent) throw new ReplySent()
      return this.#neverOpened(reply, NOTHING_ASKED, 'reader')
    })
  }

  /** Ends what is being opened, as the hub ends what is open. */
  close (): Promise<void> {
    return this.#headPhase.close()
  }

  async #subscribe (reply: FastifyReply, options: SubscribeOptions = {}): Promise<Subscriber> {
    const { channels, context, expiresAt, from, resume } = readSubscribeOptions(options)
    const { log, hub, closing, compresses } = this.#parts
    const { maxChannelsPerSubscriber } = hub.limits
    if (channels.length > maxChannelsPerSubscriber) throw new ChannelsExceeded(maxChannelsPerSubscriber)
    const { request, raw: response } = reply
    // Now, not when it opens: what is placed in between is not missed.
    const told = startingPoint(log, from)
    const turn = this.#turnstile.pass()
    if (turn !== undefined) await turn
    if (reply.sent) throw new ReplySent()
    // It may have left during a hook of the application: `close` has been fired by then.
    if (hasClosed(response)) return this.#neverOpened(reply, { channels, context }, 'reader')
    // Not before its turn: a stranger chooses what there is to read.
    if (!acceptsEventStream(request.headers.accept)) throw new NotAcceptable()
    const lastEventId = lastEventIdOf(request.headers, request.raw.url!)
    const coding = compresses ? codingFor(request.headers['accept-encoding']) : 'identity'
    const at = resume && lastEventId !== undefined ? resumption(lastEventId) : told
    const start = { at, channels, coding, context, expiresAt: hub.now + expiresAt - Date.now() }
    if (closing.isUnderway) closeConnectionAfter(response)
    if (lastEventId !== FINAL_ID) return this.#turn(reply, start)
    hub.turnedAway('refused')
    await refuse(reply)
    return this.#neverOpened(reply, start, 'refused')
  }

  async #turn (reply: FastifyReply, start: Start): Promise<Subscriber> {
    const { admission, hub, closing, compresses, overload } = this.#parts
    const { request } = reply
    const response: AnyResponse = reply.raw
    const key = await whileOpen(response, admission.keyOf(request))
    const given = key === LEFT ? LEFT : await whileOpen(response, this.#parts.headers(request))
    // The handler has returned: it did not await this.
    if (reply.sent) throw new ReplySent()
    if (key === LEFT || given === LEFT || hasClosed(response)) return this.#neverOpened(reply, start, 'reader')
    const headers = checkHeaders(given)
    if (closing.isUnderway) closeConnectionAfter(response)
    if (!waitInLine(response)) {
      // Nothing that could be answered here would be read before all that is in front.
      hub.turnedAway('overload')
      response.req.socket.destroy()
      return this.#neverOpened(reply, start, 'overload')
    }
    if (!admission.enter(key, response)) {
      hub.turnedAway('overload')
      await turnAway(reply, overload, headers, hub.drawReconnectionTime())
      return this.#neverOpened(reply, start, 'overload')
    }
    if (compresses) addVary(reply, 'Accept-Encoding')
    if (request.method === 'HEAD') {
      const { cursor, gap } = this.#place(start)
      cursor.release()
      await sendHeadAlone(reply, headers, start.coding, gap)
      return this.#neverOpened(reply, start, 'ended')
    }
    setHead(reply, headers)
    return new Promise((resolve, reject) => {
      // While the onSend hooks run. A response that has ended was answered by one of them.
      const closed = (): void => response.writableEnded ? reject(new ReplyReplaced()) : resolve(this.#neverOpened(reply, start, 'reader'))
      response.once('close', closed)
      reply.send(new HandOver(response, () => {
        response.off('close', closed)
        refuseTrailers(reply)
        refuseLateStatus(reply)
        if (hasClosed(response)) resolve(this.#neverOpened(reply, start, 'reader'))
        else resolve(this.#open(response, request, start))
        // Not before: hijacking skips the onSend hooks, and with them cookies and security headers.
        reply.hijack()
      }, reject))
    })
  }

  #place (start: Start): Placed {
    const { log, channels, afterGap } = this.#parts
    const view = channels.view(start.channels, start.coding)
    const { cursor, ...told } = place(log, view, start.at, afterGap)
    return { cursor: new Cursor(log, channels, view, cursor), ...told }
  }

  /** A handler that returns the subscriber would otherwise be told that it has answered twice. */
  #neverOpened (reply: FastifyReply, { channels: names, context }: Pick<Start, 'channels' | 'context'>, reason: CloseReason): Subscriber {
    reply.hijack()
    const { log, channels, hub } = this.#parts
    // Who was cut for taking too long has not left.
    const ended = this.#headPhase.wasCut(reply) ? 'shutdown' : reason
    const cursor = new Cursor(log, channels, channels.view(names), log.head)
    return new Subscriber(hub, Delivery.closed(hub, cursor, ended), context)
  }

  #open (response: AnyResponse, request: FastifyRequest, start: Start): Subscriber {
    const { hub, closing, onSubscribe } = this.#parts
    const { cursor, gap, lastEventId } = this.#place(start)
    setCoding(headOf(response), start.coding)
    if (gap !== undefined) {
      setGap(headOf(response), gap)
      hub.traffic.gaps[gap]++
    }
    if (closing.isUnderway) closeConnectionAfter(response)
    const opening = textChunk(this.#opening(cursor, gap, lastEventId))
    const writer = openWriter(response, start.coding, opening, hub.limits.maxBacklogBytes)
    const subscriber = new Subscriber(hub, new Delivery(hub, cursor, writer, start.expiresAt), start.context)
    whenClosed(response, () => subscriber.responseClosed())
    discardBody(request)
    response.on('error', ignore)
    hub.traffic.bytes += opening.plain.length
    hub.add(subscriber)
    const server = serverOf(request.raw)
    if (server !== undefined) this.servers.add(server)
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
    const { hub, opening } = this.#parts
    const time = hub.drawReconnectionTime()
    if (gap === undefined) return encodeOpen(time, opening, cursor.lastEventId)
    // No id with `sse.open` then: a reader cut off between the two would come back from here, and never hear of the gap.
    return encodeOpen(time, opening, null) + cursor.gap(gap, lastEventId)
  }
}

/** No error of ours: `close` follows, and says that the reader has gone. */
function ignore (): void {}
