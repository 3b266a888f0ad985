import type { Server } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { Cursor } from '../cursor/cursor.ts'
import type { Start } from './feed.ts'
import { closeConnectionAfter, headOf, setCoding, setGap } from './response-head.ts'
import { serverOf } from './servers.ts'
import { discardBody } from './discard-body.ts'
import { whenClosed, type AnyResponse } from '../response/any-response.ts'
import { openWriter } from '../response/open-writer.ts'
import { NOWHERE } from '../response/response-writer.ts'
import { Delivery } from '../subscribers/delivery.ts'
import type { Hub } from '../subscribers/hub.ts'
import { Subscriber } from '../subscribers/subscriber.ts'
import type { ShutdownDeadline } from '../time/shutdown-deadline.ts'
import { textChunk } from '../wire/http-chunk.ts'
import type { CloseReason, GapReason } from '../wire/reasons.ts'
import type { StreamForm } from '../wire/stream-form.ts'

export interface StreamStarterParts {
  readonly hub: Hub
  readonly shutdownDeadline: ShutdownDeadline
  /** Must not throw. */
  onSubscribe (subscriber: Subscriber, request: FastifyRequest): void
}

/** Starts admitted streams: places the cursor, sends the head with the first bytes, and adds the subscriber to the hub. */
export class StreamStarter {
  readonly #parts: StreamStarterParts
  /** The servers that received the requests of streams: `app.server`, or others. */
  readonly servers = new Set<Server>()

  constructor (parts: StreamStarterParts) {
    this.#parts = parts
  }

  /** Sends the head and the first events. The subscriber counts from here on. */
  start (response: AnyResponse, request: FastifyRequest, start: Start): Subscriber {
    const { feed } = start
    const { hub, shutdownDeadline, onSubscribe } = this.#parts
    const { cursor, gap, lastEventId } = feed.place(start)
    setCoding(headOf(response), start.coding)
    if (gap !== undefined) {
      setGap(headOf(response), gap)
      hub.counters.gaps[gap]++
    }
    if (shutdownDeadline.isUnderway) closeConnectionAfter(response)
    const first = textChunk(this.#firstBlocks(start.form, cursor, gap, lastEventId))
    const writer = openWriter(response, start.coding, first, hub.limits.maxBacklogBytes)
    const subscriber = new Subscriber(hub, new Delivery(hub, feed.pump, cursor, writer, start.form, start.expiresAt), start.context)
    whenClosed(response, () => subscriber.responseClosed())
    discardBody(request)
    response.on('error', ignore)
    hub.counters.bytes += first.length
    hub.add(subscriber)
    const server = serverOf(request.raw)
    if (server !== undefined) this.servers.add(server)
    if (hub.now >= start.expiresAt) subscriber.delivery.ending.revoke('expired', false)
    if (cursor.isBehind) {
      hub.counters.replays++
      // Nothing else wakes the pump before the next event.
      feed.pump.add(subscriber.delivery)
    }
    feed.opened(subscriber)
    onSubscribe(subscriber, request)
    return subscriber
  }

  /** Creates a subscriber that is already closed and was never counted, for a request that gets no stream. */
  closed ({ feed, channels, context }: Pick<Start, 'feed' | 'channels' | 'context'>, reason: CloseReason): Subscriber {
    const { hub } = this.#parts
    const delivery = new Delivery(hub, feed.pump, feed.placeClosed(channels), NOWHERE)
    delivery.ending.destroy(reason)
    delivery.close()
    return new Subscriber(hub, delivery, context)
  }

  #firstBlocks (form: StreamForm, cursor: Cursor, gap: GapReason | undefined, lastEventId: string | undefined): string {
    const time = this.#parts.hub.drawReconnectionTime()
    if (gap === undefined) return form.open(time, cursor.lastEventId)
    // `sse.open` has no id here: a reader cut off before `sse.gap` would resume from it and never learn of the gap.
    return form.open(time, null) + (form.isPlain ? '' : cursor.gap(gap, lastEventId))
  }
}

/** Ignores an error of a response, because `close` follows and ends the subscriber. */
function ignore (): void {}
