import { encodePayload } from '../wire/encode.ts'
import type { EventType } from './event-type.ts'

/** How consecutive events of one type are merged, as readers get them. */
export interface Merger {
  readonly event: string
  /** Parses data that was encoded here or in another process. */
  parse (data: string): unknown
  /** Merges two payloads, the older one first. @returns Undefined if they stay two events. */
  merge (older: unknown, newer: unknown): unknown
  /** Encodes a merged payload as data. @throws FST_SSE_PAYLOAD_NOT_ENCODABLE when it has no JSON form. */
  encode (payload: unknown): string
  /** Called with an error of `parse` or `encode`. The events stay apart. */
  failed (error: unknown): void
}

/** How consecutive events are merged, by event type. */
export type Mergers = ReadonlyMap<string, Merger | undefined>

/**
 * Makes the merger of a declared event.
 *
 * @param failed Called with the first error of the application's `merge`. The events stay two then.
 * @returns Undefined if the event has no `merge`.
 */
export function mergerOf (event: string, { merge, check, isText }: EventType, failed: (error: unknown) => void): Merger | undefined {
  if (merge === undefined) return undefined
  let hasFailed = false
  // Not each time: a run may have thousands of events.
  const failOnce = (error: unknown): void => {
    if (!hasFailed) failed(error)
    hasFailed = true
  }
  return {
    event,
    parse: (data) => isText ? data : JSON.parse(data),
    merge (older, newer) {
      try {
        const merged = merge(older, newer)
        // Readers rely on the schema, which may limit the length of a text.
        return merged !== undefined && check.check(merged) ? merged : undefined
      } catch (error) {
        failOnce(error)
        return undefined
      }
    },
    encode: (payload) => encodePayload(event, payload, isText),
    failed: failOnce
  }
}
