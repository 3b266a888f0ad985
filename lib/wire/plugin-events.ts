import { encodeComment, encodeEvent, encodeId, encodeRetry } from './encode.ts'
import type { CloseReason, GapReason } from './reasons.ts'

// Encodes the events that the plugin itself sends: `sse.open`, `sse.gap`, `sse.close`, `sse.error`, `sse.heartbeat` (docs/wire-format.md).

/** The prefix of the plugin's own event types and ids. */
export const RESERVED_PREFIX = 'sse.'

/** The event ID of a stream that ended for good. A reader that reconnects with it gets 204, which tells it to stay away. */
export const FINAL_ID = 'sse.final'

/**
 * Encodes the first block of every stream: the reconnection time, the id of the starting position, and `sse.open`.
 *
 * The id lets a reader that receives nothing else resume from the start of this stream. Firefox fires `open` only when the first byte of the
 * body arrives, so this block must be sent immediately.
 *
 * @param reconnectionTime Milliseconds.
 * @param opening The result of `encodeOpening`.
 * @param id The event ID of the starting position; null for no `id` line.
 */
export function encodeOpen (reconnectionTime: number, opening: string, id: string | null): string {
  return encodeRetry(reconnectionTime) + (id === null ? '' : encodeId(id)) + opening
}

/** Encodes `sse.open`, which all streams share. It is encoded once, because it lists every text event. */
export function encodeOpening (opening: Opening): string {
  return encodeEvent('sse.open', JSON.stringify(opening))
}

/** The payload of `sse.open`. */
export interface Opening {
  /** The longest time until a heartbeat, in milliseconds; false: no heartbeats. */
  readonly heartbeatInterval: number | false
  /** True if heartbeats are events. A page sees them, and can notice when one is overdue. */
  readonly heartbeatEvent: boolean
  /** The declared events whose data is text, not JSON; absent if no events are declared. */
  readonly text?: readonly string[] | undefined
}

/** The payload of `sse.gap`. */
export interface Gap {
  /** The reason why events are missing. */
  readonly reason: GapReason
  /** The position that the reader resumed from; absent if it fell behind (`slow`), or if its last event ID has no position of this plugin. */
  readonly lastEventId?: string | undefined
  /** The event ID of the next kept event that the reader gets; absent if there is none. */
  readonly oldestEventId?: string | undefined
}

/**
 * Encodes `sse.gap`: events that the reader could have heard are no longer available.
 *
 * @param id The event ID of the position just before the next event, so that a reader that reconnects with it does not get the gap again;
 * null for no `id` line.
 */
export function encodeGap (id: string | null, gap: Gap): string {
  return withId(id, 'sse.gap', gap)
}

/**
 * Encodes `sse.close`, the last event of a stream that ended for good. Its id lets the server answer the reader's next request with 204.
 *
 * @param status The status of a run that has ended; absent: the stream is none of a run, or the run goes on.
 */
export function encodeClose (reason: CloseReason, status?: string): string {
  return withId(FINAL_ID, 'sse.close', { reason, status })
}

/**
 * Encodes a heartbeat.
 *
 * @param isEvent True: an event, which pages can see. False: a comment, which they cannot.
 */
export function encodeHeartbeat (isEvent: boolean): string {
  return isEvent ? withId(null, 'sse.heartbeat', {}) : encodeComment('')
}

/** Encodes `sse.error`: the source of `subscriber.stream` failed. The reader does not learn the cause. */
export function encodeError (): string {
  return withId(null, 'sse.error', {})
}

/** The payloads of the plugin's own events, by event type. */
export interface PluginEvents {
  'sse.open': Opening
  'sse.gap': Gap
  'sse.close': { reason: CloseReason, status?: string }
  'sse.error': Record<string, never>
  'sse.heartbeat': Record<string, never>
}

function withId (id: string | null, event: string, data: object): string {
  return (id === null ? '' : encodeId(id)) + encodeEvent(event, JSON.stringify(data))
}
