/** What became of an attempt that got no event stream, or whose stream broke off. */
export interface Verdict {
  /** Of an answer that may be another one next time. */
  readonly httpStatus?: number
  /** There is nothing to come back to: the HTTP status that says so. */
  readonly gone?: number | undefined
  /** Milliseconds that the server wants to be left alone. */
  readonly wait?: number | undefined
}

const GONE = [204, 401, 403, 404, 410]

/** An answer that is no event stream. */
export function judge ({ status, headers }: Response): Verdict {
  return GONE.includes(status) ? { gone: status } : { httpStatus: status, wait: waitOf(headers.get('retry-after')) }
}

/** "The Retry-After field value can be either an HTTP-date or a number of seconds", RFC 9110, 10.2.3. */
function waitOf (retryAfter: string | null): number | undefined {
  // Null counts as 0, which is no wait.
  const seconds = Number(retryAfter)
  const wait = Number.isNaN(seconds) ? Date.parse(retryAfter!) - Date.now() : seconds * 1000
  return wait > 0 ? wait : undefined
}
