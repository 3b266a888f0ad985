import { FieldInvalid, PayloadNotEncodable } from '../errors.ts'
import { kindOf, quote } from '../value-text.ts'

// The wire form of an event stream: text in, text out.
// Numbers are the steps of "Interpreting an event stream", WHATWG HTML 9.2.6, that a reader takes with the line.

/** The event type that a reader hands to `onmessage`: the one that needs no `event` field. */
const UNNAMED = 'message'

const LINE_ENDS = /\r\n|\r|\n/

// CR and LF would end the field early and let a value forge further fields; a reader ignores an id holding NUL and would
// later resume from an older one. Refused, not repaired: a repaired id is another id.

const FORBIDDEN = /[\r\n\0]/

/**
 * The data field's text of a payload: itself where it is text, otherwise one line of JSON.
 *
 * @param event The event type, named in errors.
 * @throws FST_SSE_PAYLOAD_NOT_ENCODABLE for what JSON cannot say: undefined, functions, BigInt, cycles, a throwing toJSON.
 */
export function encodePayload (event: string, payload: unknown, isText: boolean): string {
  if (isText) return payload as string
  let json: string | undefined
  try {
    json = JSON.stringify(payload)
  } catch (cause) {
    // V8 names the keys of a cycle, which are the payload's, and a logger writes causes down.
    if (isOfCycle(cause)) throw new PayloadNotEncodable(quote(event), 'it holds itself')
    // Without the inner text: a toJSON may have put values there.
    throw new PayloadNotEncodable(quote(event), 'JSON.stringify threw', { cause })
  }
  if (json === undefined) throw new PayloadNotEncodable(quote(event), `it is ${typeof payload}`)
  return json
}

/** What a `toJSON` threw may be anything, and throw when it is looked at. */
function isOfCycle (cause: unknown): boolean {
  try {
    return cause instanceof TypeError && cause.message.startsWith('Converting circular')
  } catch {
    return false
  }
}

/** An event without its id: `event` unless it is the unnamed one, a `data` line for each line, the empty line that dispatches it. */
export function encodeEvent (event: string, data: string): string {
  // "If the field name is 'event': set the event type buffer to field value."
  const type = event === UNNAMED ? '' : `event: ${oneLine('event type', event)}\n`
  // "If the field name is 'data': append the field value, then a single LF, to the data buffer."
  // A lone CR ends a line too, so it has to be split there: it would turn the rest of the text into a field of its own.
  const lines = LINE_ENDS.test(data) ? data.split(LINE_ENDS).join('\ndata: ') : data
  // "If the line is empty: dispatch the event." One LF ends the field, one is that line.
  return `${type}data: ${lines}\n\n`
}

/** "If the field name is 'id': set the last event ID buffer to field value." Stands before the event it belongs to. */
export function encodeId (id: string): string {
  return `id: ${oneLine('event ID', id)}\n`
}

/** "If the field name is 'retry', and the value is digits only: set the reconnection time." Takes effect without an empty line. */
export function encodeRetry (milliseconds: number): string {
  return `retry: ${milliseconds}\n`
}

/**
 * "If the line starts with U+003A COLON: ignore the line."
 * One LF, no empty line: two popular readers take a comment with an empty line for an empty message.
 */
export function encodeComment (text: string): string {
  return `:${oneLine('comment', text)}\n`
}

function oneLine (field: string, value: string): string {
  if (FORBIDDEN.test(value)) throw new FieldInvalid(field, kindOf(value))
  return value
}
