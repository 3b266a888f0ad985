import type { Closed } from './status.ts'

/** The outcome of an attempt that got no event stream, or whose stream broke off. */
export interface Failure {
  /** Of an answer that may be another one next time. */
  readonly httpStatus?: number
  /** There is nothing to come back to. */
  readonly gone?: Closed
  /** Milliseconds that the server wants to be left alone; below 0: none. */
  readonly wait?: number
  /** The server ended the stream, and did so properly. */
  readonly ended?: boolean
}

const GONE = [204, 401, 403, 404, 410]

/** @returns undefined where the answer is an event stream */
export function classifyResponse ({ status, headers }: Response): Failure | undefined {
  if (GONE.includes(status)) return { gone: { state: 'closed', reason: 'gone', httpStatus: status } }
  if (status === 200 && /^text\/event-stream *(;|$)/i.test(headers.get('content-type')!)) return
  // "The Retry-After field value can be either an HTTP-date or a number of seconds", RFC 9110, 10.2.3. One that is past is no wait.
  const retryAfter = headers.get('retry-after')
  return { httpStatus: status, wait: Number(retryAfter) * 1000 || Date.parse(retryAfter!) - Date.now() || 0 }
}
