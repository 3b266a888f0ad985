import { Buffer } from 'node:buffer'
import { PayloadTooLarge } from '../errors.ts'
import type { EventTypes } from '../schema/event-types.ts'
import { quote } from '../value-text.ts'
import { encodeEvent, encodePayload } from '../wire/encode.ts'

/** Validates and encodes the application's events. */
export class EventEncoder {
  readonly #eventTypes: EventTypes
  readonly #maxPayloadBytes: number

  constructor (eventTypes: EventTypes, maxPayloadBytes: number) {
    this.#eventTypes = eventTypes
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /**
   * Encodes an event.
   *
   * @param payload The payload; it is neither changed nor kept.
   * @returns The event in its wire form, without the `id` line.
   * @throws FST_SSE_EVENT_UNKNOWN, FST_SSE_PAYLOAD_INVALID, FST_SSE_PAYLOAD_NOT_ENCODABLE, FST_SSE_PAYLOAD_TOO_LARGE
   */
  encode (event: string, payload: unknown): string {
    const { payload: outgoing, isText } = this.#eventTypes.validate(event, payload)
    const data = encodePayload(event, outgoing, isText)
    demandWithin(event, Buffer.byteLength(data), 'maxPayloadBytes', this.#maxPayloadBytes)
    return encodeEvent(event, data)
  }
}

/** @throws FST_SSE_PAYLOAD_TOO_LARGE when an event takes more bytes than an option allows. */
export function demandWithin (event: string, bytes: number, option: string, limit: number): void {
  if (bytes > limit) throw new PayloadTooLarge(quote(event), bytes, option, limit)
}
