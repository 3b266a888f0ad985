/**
 * Why a stream is not open.
 *
 * - `lost`: it broke off, or its server could not be reached
 * - `refused`: the server gave an answer that is no event stream, or redirected to a place that is not followed
 * - `later`: the stream ended before anything of it could be seen, as that of a server that has no place
 * - `silent`: no answer within `connectTimeout`, or the heartbeats stopped
 * - `left`: the page was left
 */
export type Reason = 'lost' | 'refused' | 'later' | 'silent' | 'left'

type Field = 'reason' | 'retryAt' | 'httpStatus' | 'closeReason'

/** Every member of a union has every field, so that one may be read before the state is known. */
type Only<T> = T & { readonly [K in Exclude<Field, keyof T>]?: undefined }

/**
 * How a stream is.
 *
 * - `connecting`: an attempt is under way. With a `reason`: the stream was lost, and the browser itself tries again
 * - `open`: something of the stream has come, such as its `sse.open`
 * - `waiting` for the next attempt. `retryAt` is the moment of that, in milliseconds since 1970; null: when the page is shown again.
 *   `httpStatus` is that of a refusal: a 200, too, where it was no event stream
 * - `closed`, for good. Why: `close()` was called (`closed`); the server ended it for good, with this close reason (`final`); its URL
 *   answered that there is nothing to come back to, with this HTTP status (`gone`: 204, 401, 403, 404, 410); `fetch` gives no access to
 *   the body of a response before its end (`unreadable`), as in React Native
 */
export type Status =
  | Only<{ readonly state: 'connecting', readonly reason?: Reason | undefined }>
  | Only<{ readonly state: 'open' }>
  | Only<{ readonly state: 'waiting', readonly reason: Reason, readonly retryAt: number | null, readonly httpStatus?: number | undefined }>
  | Closed

export type Closed =
  | Only<{ readonly state: 'closed', readonly reason: 'closed' | 'unreadable' }>
  | Only<{ readonly state: 'closed', readonly reason: 'final', readonly closeReason: string }>
  | Only<{ readonly state: 'closed', readonly reason: 'gone', readonly httpStatus: number }>
