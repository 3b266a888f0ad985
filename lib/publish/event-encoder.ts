import { Buffer } from 'node:buffer'
import { PayloadTooLarge } from '../errors.ts'
import type { EventTypes } from '../schema/event-types.ts'
import { quote } from '../value-text.ts'
import { encodeEvent, encodePayload } from '../wire/encode.ts'
import { isWithin } from '../wire/text-size.ts'

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
    demandWithin(event, data, 'maxPayloadBytes', this.#maxPayloadBytes)
    return encodeEvent(event, data)
  }
}

/**
 * @param more The bytes that count beside those of the text.
 * @throws FST_SSE_PAYLOAD_TOO_LARGE when the text of an event takes more bytes than an option allows.
 */
export function demandWithin (event: string, text: string, option: string, limit: number, more = 0): void {
  if (!isWithin(text, limit - more)) throw new PayloadTooLarge(quote(event), Buffer.byteLength(text) + more, option, limit)
}
