import { Buffer } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'

// An `id` of the application has at most 256 characters, three times as many if each is escaped, and the position follows. A longer value
// is cut, and is still not an event ID of this plugin.
const MAX_LENGTH = 1024

const IN_QUERY = 'lastEventId='

/**
 * Reads the last event ID of a request from the header `Last-Event-ID`, or else from `lastEventId` in the query.
 *
 * A page that creates a new EventSource uses the query, because that EventSource has no last event ID yet and cannot set headers.
 *
 * @param url The raw URL, because a query schema with `additionalProperties: false` would have removed the ID from `request.query`.
 * @returns Undefined if the request has no last event ID.
 */
export function lastEventIdOf (headers: IncomingHttpHeaders, url: string): string | undefined {
  const header = headers['last-event-id']
  // Node decodes header bytes as Latin-1, but readers encode the ID as UTF-8, as the standard demands.
  if (typeof header === 'string' && header !== '') return Buffer.from(header.slice(0, MAX_LENGTH), 'latin1').toString()
  const value = valueInQuery(url)
  // Only this value is decoded, because decoding a whole query full of broken escapes would take milliseconds.
  return value === undefined ? undefined : new URLSearchParams(IN_QUERY + value.slice(0, MAX_LENGTH)).get('lastEventId') || undefined
}

/** Finds the first `lastEventId` in a query. @returns Its value, still escaped; undefined if there is none. */
function valueInQuery (url: string): string | undefined {
  const query = url.indexOf('?')
  if (query === -1) return undefined
  for (let at = url.indexOf(IN_QUERY, query); at !== -1; at = url.indexOf(IN_QUERY, at + 1)) {
    if (at !== query + 1 && url[at - 1] !== '&') continue
    const end = url.indexOf('&', at)
    return url.slice(at + IN_QUERY.length, end === -1 ? url.length : end)
  }
  return undefined
}
