import { membersOf, weightOf } from './accept-headers.ts'
import type { CodingName } from '../wire/http-chunk.ts'

export const EVENT_STREAM = 'text/event-stream'

const CHARSET = 'charset=utf-8'

/** The head of every event stream. */
export const HEAD = {
  // The charset, though there is no other: some readers take text without one for Latin-1, in which 0x85 ends a line (Python's requests).
  'content-type': `${EVENT_STREAM}; ${CHARSET}`,
  // no-transform: a proxy that compresses would hold events back until its buffer is full.
  'cache-control': 'no-cache, no-transform',
  // nginx with its defaults holds back everything, head included; this alone cures it.
  'x-accel-buffering': 'no'
} as const

// What covers it, the most specific first.
const RANGES = [EVENT_STREAM, 'text/*', '*/event-stream', '*/*']

/** Whether a reader names it, as every EventSource does. */
export function asksForEventStream (accept: string | undefined): boolean {
  return accept !== undefined && membersOf(accept, [EVENT_STREAM]).some(({ weight }) => weight > 0)
}

/** The coding that a reader likes best. One that says nothing, or takes neither, gets the stream as it is. */
export function codingFor (acceptEncoding: string | undefined): CodingName {
  if (!acceptEncoding) return 'identity'
  // A coding has no parameters but its weight: others say nothing.
  const members = membersOf(acceptEncoding, ['gzip', 'identity', '*']).map((member) => ({ ...member, parameters: [] }))
  const gzip = weightOf(members, ['gzip', '*']) ?? 0
  // "If the representation has no content coding, then it is acceptable by default": named by nobody, it is liked least.
  const identity = weightOf(members, ['identity', '*']) ?? 0
  return gzip > 0 && gzip >= identity ? 'gzip' : 'identity'
}

/** Whether a reader takes an event stream. One that says nothing takes anything. */
export function acceptsEventStream (accept: string | undefined): boolean {
  if (!accept) return true
  const members = membersOf(accept, RANGES)
  return [[], [CHARSET]].some((parameters) => (weightOf(members, RANGES, parameters) ?? 0) > 0)
}
