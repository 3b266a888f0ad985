import { Buffer } from 'node:buffer'
import type { Broker } from './broker.ts'
import { EVERYBODY } from './channels.ts'
import { encodeEvent, encodePayload } from './encode.ts'
import { Closed, PayloadTooLarge } from './errors.ts'
import type { EventTypes } from './event-types.ts'
import { formatPosition } from './position.ts'

/** Where a broadcast stands. */
export interface Broadcast {
  /** The event ID; null where the stream has no ids. */
  readonly id: string | null
}

export interface BroadcasterParts {
  readonly eventTypes: EventTypes
  readonly broker: Broker
  readonly maxPayloadBytes: number
  readonly withIds: boolean
  /** The most that an encoded event may take, and the option that says so. */
  readonly maxEventBytes: number
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
    const { eventTypes, broker, maxPayloadBytes, maxEventBytes, withIds } = this.#parts
    const name = JSON.stringify(event)
    if (this.#closed) throw new Closed(name)
    const { payload, isText } = eventTypes.validate(event, data)
    const text = encodePayload(event, payload, isText)
    within(name, Buffer.byteLength(text), 'maxPayloadBytes', maxPayloadBytes)
    const body = encodeEvent(event, text)
    within(name, Buffer.byteLength(body), 'history.maxBytes', maxEventBytes)
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
  if (bytes > limit) throw new PayloadTooLarge(event, bytes, option, limit)
}
