import type { Closed } from './status.ts'

// Failed attempts, and the HTTP responses that are failures.

/** The outcome of an attempt that got no event stream, or whose stream broke off. */
export interface Failure {
  /** The status of a response that is no event stream. The next response may differ. */
  readonly httpStatus?: number
  /** The final status of the stream, if no attempt is to follow. */
  readonly gone?: Closed
  /** The time, in milliseconds, for which the server asks for no attempt; negative: none. */
  readonly wait?: number
  /** True if the server ended the response properly. */
  readonly ended?: boolean
}

const GONE = [204, 401, 403, 404, 410]

/** Classifies a response. @returns The failure; undefined if the response is an event stream. */
export function classifyResponse ({ status, headers }: Response): Failure | undefined {
  if (GONE.includes(status)) return { gone: { state: 'closed', reason: 'gone', httpStatus: status } }
  if (status === 200 && /^text\/event-stream *(;|$)/i.test(headers.get('content-type')!)) return
  // "The Retry-After field value can be either an HTTP-date or a number of seconds", RFC 9110, 10.2.3. A date in the past means no wait.
  const retryAfter = headers.get('retry-after')
  return { httpStatus: status, wait: Number(retryAfter) * 1000 || Date.parse(retryAfter!) - Date.now() || 0 }
}
