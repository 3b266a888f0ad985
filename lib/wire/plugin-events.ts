import { encodeComment, encodeEvent, encodeId, encodeRetry } from './encode.ts'
import type { CloseReason, GapReason } from './reasons.ts'

// The events that this plugin itself sends. Documented in docs/wire-format.md.

/** Event types that begin so are ours. */
export const RESERVED_PREFIX = 'sse.'

/** The event ID of a stream that ended for good: who comes back with it is told to stay away. */
export const FINAL_ID = 'sse.final'

/**
 * The first thing on every stream: the reconnection time, then `sse.open` with the id of the starting position, in one block.
 *
 * The id lets a reader resume from here that saw nothing else. That something is sent at all makes Firefox fire `open` at once.
 *
 * @param opening What `encodeOpening` gave.
 * @param id The starting position; null where the stream has no ids.
 */
export function encodeOpen (reconnectionTime: number, opening: string, id: string | null): string {
  return encodeRetry(reconnectionTime) + (id === null ? '' : encodeId(id)) + opening
}

/** The part of `sse.open` that is the same on every stream. Encoded once: it names every text event. */
export function encodeOpening (opening: Opening): string {
  return encodeEvent('sse.open', JSON.stringify(opening))
}

/** The data of `sse.open`. */
export interface Opening {
  /** Milliseconds of silence, at most; false: of any length. */
  readonly heartbeatInterval: number | false
  /** Whether heartbeats are events, so that a page can tell a silence that is too long. */
  readonly heartbeatEvent: boolean
  /** The declared events whose data is text, not JSON; absent where nothing is declared. */
  readonly text?: readonly string[] | undefined
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

/** The last thing of a stream that ended for good. Its id makes the reader's next request one that can be answered with 204. */
export function encodeClose (reason: CloseReason): string {
  return withId(FINAL_ID, 'sse.close', { reason })
}

/** @param isEvent Whether a page can see it: to a page, comments are nothing. */
export function encodeHeartbeat (isEvent: boolean): string {
  return isEvent ? withId(null, 'sse.heartbeat', {}) : encodeComment('')
}

/** What a reader was to be streamed came to a bad end. Why is the application's own business. */
export function encodeError (): string {
  return withId(null, 'sse.error', {})
}

/** The payloads of the plugin's own events. */
export interface PluginEvents {
  'sse.open': Opening
  'sse.gap': Gap
  'sse.close': { reason: CloseReason }
  'sse.error': Record<string, never>
  'sse.heartbeat': Record<string, never>
}

function withId (id: string | null, event: string, data: object): string {
  return (id === null ? '' : encodeId(id)) + encodeEvent(event, JSON.stringify(data))
}
