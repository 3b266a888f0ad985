import type { EventRecord, Order } from '../broker/broker.ts'
import { formatPosition } from '../broker/position.ts'
import { Closed, OptionInvalid } from '../errors.ts'
import { idLineBytes } from '../log/log-bounds.ts'
import type { Log } from '../log/log.ts'
import { type BroadcastOptions, readBroadcastOptions } from './broadcast-options.ts'
import { demandWithin, type EventEncoder } from './event-encoder.ts'
import type { EventTypes } from '../schema/event-types.ts'
import { quote } from '../value-text.ts'

/** The result of a broadcast. */
export interface Broadcast {
  /** The event ID; null for an ephemeral event, and if `history` is false. */
  readonly id: string | null
}

interface BroadcasterParts {
  readonly eventTypes: EventTypes
  readonly encoder: EventEncoder
  readonly order: Order
  /** The log that the event must fit into. */
  readonly log: Log
}

/** Validates, encodes and publishes the application's events. */
export class Broadcaster {
  readonly #parts: BroadcasterParts
  #closed = false
  /** The number of events published. */
  events = 0

  constructor (parts: BroadcasterParts) {
    this.#parts = parts
  }

  /**
   * Publishes an event. The payload is validated and encoded before this returns, so it may be changed afterwards.
   *
   * @throws The errors that `Sse.broadcast` documents, synchronously and before anything is published.
   */
  publish (event: string, data: unknown, options: BroadcastOptions): Promise<Broadcast> {
    const { eventTypes, encoder, order, log } = this.#parts
    if (this.#closed) throw new Closed(`The event ${quote(event)} was broadcast`)
    const { channels, id, ephemeral = eventTypes.isEphemeral(event) } = readBroadcastOptions(options, log.keeps)
    if (ephemeral && id !== undefined) throw new OptionInvalid('broadcast.id', 'absent for an ephemeral event, because no reader can resume from it', id)
    const body = encoder.encode(event, data)
    demandWithin(event, body, 'history.maxBytes', log.maxBytes, idLineBytes(id))
    // `latestBy` is called last, so that changes that it makes to the payload have no effect.
    const key = eventTypes.keyOf(event, data)
    const record: EventRecord = {
      channels,
      body,
      // Without a history a broker has nothing to keep either.
      ephemeral: ephemeral || !log.keeps,
      id,
      key: key === undefined ? key : qualifiedKey(ephemeral, event, key),
      time: Date.now()
    }
    return order.publish(record).then((position) => {
      this.events++
      return { id: position === null || !log.keeps ? null : formatPosition(position, id) }
    })
  }

  /** Refuses later calls of `publish` with FST_SSE_CLOSED, and waits for the events that have no place yet, no longer than `timeout`. */
  async close (timeout: number): Promise<void> {
    this.#closed = true
    await this.#parts.order.close(timeout)
  }
}

/**
 * Qualifies a key by its event. Kept and ephemeral events have different keys, because a reader that reconnects would get neither event if an
 * ephemeral one could replace a kept one.
 */
function qualifiedKey (ephemeral: boolean, event: string, key: string): string {
  // An event type cannot contain LF, so the result is unambiguous.
  return `${ephemeral ? 'ephemeral' : 'kept'}\n${event}\n${key}`
}
