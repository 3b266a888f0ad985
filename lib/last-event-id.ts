import { Buffer } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * The last event ID that a reader brings, undefined where it brings none.
 *
 * The header wins. The query has it where an EventSource was made anew: that one starts without an id, and cannot set headers.
 *
 * @param url The raw one: a query schema with `additionalProperties: false` would have taken it out of `request.query`.
 */
export function lastEventIdOf (headers: IncomingHttpHeaders, url: string): string | undefined {
  const header = headers['last-event-id']
  // Node gives header bytes as latin1; the standard sends UTF-8.
  if (typeof header === 'string' && header !== '') return Buffer.from(header, 'latin1').toString()
  const query = url.indexOf('?')
  if (query === -1) return undefined
  return new URLSearchParams(url.slice(query + 1)).get('lastEventId') || undefined
}
