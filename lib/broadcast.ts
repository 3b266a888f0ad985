import { Buffer } from 'node:buffer'
import type { Broker } from './broker.ts'
import { EVERYBODY } from './channels.ts'
import { encodeEvent, encodePayload } from './encode.ts'
import { Closed, PayloadTooLarge, quote } from './errors.ts'
import type { EventTypes } from './event-types.ts'
import { MAX_ID_LINE_BYTES, type Log } from './log.ts'
import { formatPosition } from './position.ts'

/** Where a broadcast stands. */
export interface Broadcast {
  /** The event ID; null where the stream has no ids. */
  readonly id: string | null
}

export interface BroadcasterParts {
  readonly eventTypes: EventTypes
  readonly broker: Broker
  /** Where the event will have to fit in. */
  readonly log: Log
  readonly maxPayloadBytes: number
  readonly withIds: boolean
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
  publish (event: string, data: unknown): Promise<Broadcast> {
    const { eventTypes, broker, log, maxPayloadBytes, withIds } = this.#parts
    if (this.#closed) throw new Closed(quote(event))
    const { payload, isText } = eventTypes.validate(event, data)
    const text = encodePayload(event, payload, isText)
    within(event, Buffer.byteLength(text), 'maxPayloadBytes', maxPayloadBytes)
    const body = encodeEvent(event, text)
    within(event, Buffer.byteLength(body) + MAX_ID_LINE_BYTES, 'history.maxBytes', log.maxBytes)
    return broker.publish({ channels: [EVERYBODY], body }).then((position) => {
      this.events++
      return { id: withIds ? formatPosition(position) : null }
    })
  }

  /** Refuses whatever is still published. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#parts.broker.close()
  }
}

function within (event: string, bytes: number, option: string, limit: number): void {
  if (bytes > limit) throw new PayloadTooLarge(quote(event), bytes, option, limit)
}
