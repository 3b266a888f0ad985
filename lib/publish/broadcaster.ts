import { Buffer } from 'node:buffer'
import type { Broker } from '../broker/broker.ts'
import { formatPosition } from '../broker/position.ts'
import { Closed, OptionInvalid } from '../errors.ts'
import { idLineBytes, type Log } from '../log/log.ts'
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
  readonly broker: Broker
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
    const { eventTypes, encoder, broker, log } = this.#parts
    if (this.#closed) throw new Closed(quote(event))
    const { channels, id, ephemeral = eventTypes.isEphemeral(event) } = readBroadcastOptions(options, log.keeps)
    if (ephemeral && id !== undefined) throw new OptionInvalid('broadcast.id', 'absent for an ephemeral event, because no reader can resume from it', id)
    const body = encoder.encode(event, data)
    demandWithin(event, Buffer.byteLength(body) + idLineBytes(id), 'history.maxBytes', log.maxBytes)
    // `latestBy` is called last, so that changes that it makes to the payload have no effect.
    const key = eventTypes.keyOf(event, data)
    return broker.publish({ channels, body, ephemeral, id, key: key === undefined ? key : qualifiedKey(ephemeral, event, key) }).then((position) => {
      this.events++
      return { id: position === null || !log.keeps ? null : formatPosition(position, id) }
    })
  }

  /** Closes the broker. Later calls of `publish` throw FST_SSE_CLOSED. */
  async close (): Promise<void> {
    this.#closed = true
    await this.#parts.broker.close()
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
