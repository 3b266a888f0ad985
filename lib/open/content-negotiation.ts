import { membersOf, weightOf } from './accept-headers.ts'
import type { CodingName } from '../wire/http-chunk.ts'

// Negotiates the media type and the content coding of an event stream: RFC 9110, 12.5.

/** The media type of an event stream. */
export const EVENT_STREAM = 'text/event-stream'

export const CHARSET = 'charset=utf-8'

// The media ranges that include an event stream, the most specific first.
const RANGES = [EVENT_STREAM, 'text/*', '*/event-stream', '*/*']

/** True if an `Accept` header names `text/event-stream`, as that of every EventSource does. */
export function asksForEventStream (accept: string | undefined): boolean {
  return accept !== undefined && membersOf(accept, [EVENT_STREAM]).some(({ weight }) => weight > 0)
}

/** Selects the coding that a reader prefers: `identity` if `Accept-Encoding` is absent, or accepts no coding of ours. */
export function codingFor (acceptEncoding: string | undefined): CodingName {
  if (!acceptEncoding) return 'identity'
  // A coding has no parameters except its weight, so others are ignored.
  const members = membersOf(acceptEncoding, ['gzip', 'identity', '*']).map((member) => ({ ...member, parameters: [] }))
  const gzip = weightOf(members, ['gzip', '*']) ?? 0
  // "If the representation has no content coding, then it is acceptable by default": if it is not named, any other coding is preferred.
  const identity = weightOf(members, ['identity', '*']) ?? 0
  return gzip > 0 && gzip >= identity ? 'gzip' : 'identity'
}

/** True if an `Accept` header accepts an event stream. An absent one accepts anything. */
export function acceptsEventStream (accept: string | undefined): boolean {
  if (!accept) return true
  const members = membersOf(accept, RANGES)
  return [[], [CHARSET]].some((parameters) => (weightOf(members, RANGES, parameters) ?? 0) > 0)
}
