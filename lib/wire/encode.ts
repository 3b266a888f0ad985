import { FieldInvalid, PayloadNotEncodable } from '../errors.ts'
import { kindOf, quote } from '../value-text.ts'

// Encodes the lines of an event stream, text in and text out.
// Quotations are steps of "Interpreting an event stream" (WHATWG HTML 9.2.6), which a reader performs for that line.

/** The event type that a reader passes to `onmessage`. It needs no `event` field. */
const UNNAMED = 'message'

const LINE_ENDS = /\r\n|\r|\n/

// CR and LF would end the field early and let a value forge further fields. A reader ignores an id that contains NUL, and would later resume
// from an older one. Such values are refused, not repaired, because a repaired id is a different id.
const FORBIDDEN = /[\r\n\0]/

/**
 * Encodes a payload as the text of the data field: a text payload unchanged, any other payload as one line of JSON.
 *
 * @param event The event type, for errors.
 * @throws FST_SSE_PAYLOAD_NOT_ENCODABLE when JSON cannot represent the payload: undefined, a function, a BigInt, a cycle, a `toJSON` that throws.
 */
export function encodePayload (event: string, payload: unknown, isText: boolean): string {
  if (isText) return payload as string
  let json: string | undefined
  try {
    json = JSON.stringify(payload)
  } catch (cause) {
    // No cause here: V8's message contains keys of the payload, and loggers write causes down.
    if (isCycleError(cause)) throw new PayloadNotEncodable(quote(event), 'it contains a cycle')
    // The message does not repeat the cause's text, because a `toJSON` may have put values there.
    throw new PayloadNotEncodable(quote(event), 'JSON.stringify threw', { cause })
  }
  if (json === undefined) throw new PayloadNotEncodable(quote(event), `it is ${typeof payload}`)
  return json
}

/** True for V8's error about a cycle. A `toJSON` may throw anything, even an object whose properties throw when they are read. */
function isCycleError (cause: unknown): boolean {
  try {
    return cause instanceof TypeError && cause.message.startsWith('Converting circular')
  } catch {
    return false
  }
}

/** Encodes an event without its `id` line: the `event` line unless the type is `message`, one `data` line per line of data, an empty line. */
export function encodeEvent (event: string, data: string): string {
  // "If the field name is 'event': set the event type buffer to field value."
  const type = event === UNNAMED ? '' : `event: ${oneLine('event type', event)}\n`
  // "If the field name is 'data': append the field value, then a single LF, to the data buffer."
  // The data is split at a lone CR too, because readers end a line there and would interpret the rest as another field.
  const lines = LINE_ENDS.test(data) ? data.split(LINE_ENDS).join('\ndata: ') : data
  // "If the line is empty: dispatch the event." The first LF ends the field, the second is the empty line.
  return `${type}data: ${lines}\n\n`
}

/** "If the field name is 'id': set the last event ID buffer to field value." The line precedes the event that it belongs to. */
export function encodeId (id: string): string {
  return `id: ${oneLine('event ID', id)}\n`
}

/** "If the field name is 'retry', and the value is digits only: set the reconnection time." No empty line is needed. */
export function encodeRetry (milliseconds: number): string {
  return `retry: ${milliseconds}\n`
}

/**
 * "If the line starts with U+003A COLON: ignore the line." No empty line follows, because two popular readers report a comment with an empty
 * line as an empty message.
 */
export function encodeComment (text: string): string {
  return `:${oneLine('comment', text)}\n`
}

function oneLine (field: string, value: string): string {
  if (FORBIDDEN.test(value)) throw new FieldInvalid(field, kindOf(value))
  return value
}
