/**
 * How a stream is.
 *
 * - `connecting`: an attempt is under way, or the browser itself tries again
 * - `open`
 * - `waiting`: it broke off. `retryAt` is the moment of the next try, in milliseconds since 1970; null: when the page is shown again.
 *   `httpStatus` is that of an answer which was no event stream: a 200, too, where it was something else
 * - `closed`, for good. Why: `close()` was called (`closed`); the server ended it for good, with this close reason (`final`); its URL
 *   answered that there is nothing to come back to, with this HTTP status (`gone`: 204, 401, 403, 404, 410)
 */
export type Status =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  | { readonly state: 'waiting', readonly retryAt: number | null, readonly httpStatus?: number | undefined }
  | Closed

export type Closed =
  | { readonly state: 'closed', readonly reason: 'closed' }
  | { readonly state: 'closed', readonly reason: 'final', readonly closeReason: string }
  | { readonly state: 'closed', readonly reason: 'gone', readonly httpStatus: number }
