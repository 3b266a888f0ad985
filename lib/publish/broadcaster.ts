import { Buffer } from 'node:buffer'
import type { Broker } from '../broker/broker.ts'
import { formatPosition } from '../broker/position.ts'
import { Closed, OptionInvalid } from '../errors.ts'
import { idLineBytes, type Log } from '../log/log.ts'
import { type BroadcastOptions, readBroadcastOptions } from './broadcast-options.ts'
import { demandWithin, type EventEncoder } from './event-encoder.ts'
import type { EventTypes } from '../schema/event-types.ts'
import { quote } from '../value-text.ts'

/** Where a broadcast stands. */
export interface Broadcast {
  /** The event ID; null for an ephemeral event, and where the stream has no ids. */
  readonly id: string | null
}

interface BroadcasterParts {
  readonly eventTypes: EventTypes
  readonly encoder: EventEncoder
  readonly broker: Broker
  /** Where the event will have to fit in. */
  readonly log: Log
}

/** Brings an event from the application to its place in the order. */
export class Broadcaster {
  readonly #parts: BroadcasterParts
  #closed = false
  /** Events that got their place. */
  events = 0

  constructor (parts: BroadcasterParts) {
    this.#parts = parts
  }

  /**
   * Validates and encodes before it returns: what is changed in the payload afterwards changes nothing that goes out.
   *
   * @throws at once, every error of a payload, before anything is published.
   */
  publish (event: string, data: unknown, options: BroadcastOptions): Promise<Broadcast> {
    const { eventTypes, encoder, broker, log } = this.#parts
    if (this.#closed) throw new Closed(quote(event))
    const { channels, id, ephemeral = eventTypes.isEphemeral(event) } = readBroadcastOptions(options, log.keeps)
    if (ephemeral && id !== undefined) throw new OptionInvalid('broadcast.id', 'absent where an event is ephemeral: nobody resumes from it', id)
    const body = encoder.encode(event, data)
    demandWithin(event, Buffer.byteLength(body) + idLineBytes(id), 'history.maxBytes', log.maxBytes)
    // Last: what it does to the payload changes nothing any more.
    const key = eventTypes.keyOf(event, data)
    return broker.publish({ channels, body, ephemeral, id, key: key === undefined ? key : keyOfKind(ephemeral, event, key) }).then((position) => {
      this.events++
      return { id: position === null || !log.keeps ? null : formatPosition(position, id) }
    })
  }

  /** Refuses whatever is still published. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#parts.broker.close()
  }
}

/** Of a kept event an ephemeral one replaces nothing: readers that come back would get neither. */
function keyOfKind (ephemeral: boolean, event: string, key: string): string {
  // No event type holds LF.
  return `${ephemeral ? 'ephemeral' : 'kept'}\n${event}\n${key}`
}
