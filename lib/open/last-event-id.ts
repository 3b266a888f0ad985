import { Buffer } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'

// An id is at most 256 printable characters, three times as many where each is escaped. What is longer is cut here, and stays none of ours.
const MAX_LENGTH = 1024

const IN_QUERY = 'lastEventId='

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
  if (typeof header === 'string' && header !== '') return Buffer.from(header.slice(0, MAX_LENGTH), 'latin1').toString()
  const value = valueInQuery(url)
  // Only this one is decoded: of a whole query full of broken escapes that takes milliseconds.
  return value === undefined ? undefined : new URLSearchParams(IN_QUERY + value.slice(0, MAX_LENGTH)).get('lastEventId') || undefined
}

/** The first that there is, as it stands in the query. */
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
