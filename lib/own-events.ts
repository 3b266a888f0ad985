import { encodeEvent, encodeId, encodeRetry } from './encode.ts'
import type { GapReason } from './log.ts'

// The events that this plugin itself sends. Documented in docs/wire-format.md.

/** Event types that begin so are ours. */
export const OWN_PREFIX = 'sse.'

/**
 * The first thing on every stream: the reconnection time, then `sse.open` with the id of the starting position, in one block.
 *
 * The id lets a reader resume from here that saw nothing else. That something is sent at all makes Firefox fire `open` at once.
 *
 * @param id The starting position; null where the stream has no ids.
 */
export function encodeOpen (reconnectionTime: number, id: string | null): string {
  return encodeRetry(reconnectionTime) + withId(id, 'sse.open', { heartbeatInterval: false })
}

/** What `sse.gap` says. */
export interface Gap {
  readonly reason: GapReason
  /** Where the reader had come to. */
  readonly lastEventId?: string | undefined
  /** The oldest event that it can still get. */
  readonly oldestEventId?: string | undefined
}

/**
 * Tells a reader that events it could hear are no longer there.
 *
 * @param id The position just before what follows: the same reader, coming back at once, is not told again.
 */
export function encodeGap (id: string | null, gap: Gap): string {
  return withId(id, 'sse.gap', gap)
}

/** The payloads of the plugin's own events. */
export interface OwnEvents {
  'sse.open': { heartbeatInterval: number | false }
  'sse.gap': Gap
}

function withId (id: string | null, event: string, data: object): string {
  return (id === null ? '' : encodeId(id)) + encodeEvent(event, JSON.stringify(data))
}
