/**
 * The reason of a `connecting` or `waiting` status.
 *
 * - `lost`: the stream broke off, or the server could not be reached
 * - `refused`: the response was no event stream, or a redirect that is not followed
 * - `later`: the stream ended before anything arrived, as when the server is full
 * - `silent`: no response within `connectTimeout`, or the heartbeats stopped
 * - `left`: the page was left
 *
 * @see docs/client.md
 */
export type Reason = 'lost' | 'refused' | 'later' | 'silent' | 'left'

type Field = 'reason' | 'retryAt' | 'httpStatus' | 'closeReason'

/** Adds the fields of the other union members, so that every field may be read before the state is known. */
type Only<T> = T & { readonly [K in Exclude<Field, keyof T>]?: undefined }

/**
 * The state of a stream, with the reason where it is not open.
 *
 * - `connecting`: an attempt is in progress. With a `reason`, the stream was lost and the browser itself reconnects
 * - `open`: something of the stream has arrived, such as its `sse.open`, or the stream has been quiet for ten seconds since its head
 * - `waiting`: the next attempt starts at `retryAt`, in milliseconds since 1970, or, if that is null, when the user returns to the page.
 *   `httpStatus` is the status of a response that was no event stream; it may be 200
 * - `closed`: no attempt follows. The reason is `closed` (`close()` was called), `final` (the server ended the stream for good, with
 *   `closeReason`, which is the status of a run at its end), `gone` (the response status, `httpStatus`, is 204, 401, 403, 404 or 410; for POST any
 *   response that is no event stream), `lost` (a POST got no response, or was cut off and said not where it goes on; it is not sent again) or
 *   `unreadable` (this `fetch` gives no access to a response body before its end, as in React Native)
 *
 * @see docs/client.md
 */
export type Status =
  | Only<{ readonly state: 'connecting', readonly reason?: Reason | undefined }>
  | Only<{ readonly state: 'open' }>
  | Only<{ readonly state: 'waiting', readonly reason: Reason, readonly retryAt: number | null, readonly httpStatus?: number | undefined }>
  | Closed

/** The final status of a stream: the members of `Status` whose state is `closed`. */
export type Closed =
  | Only<{ readonly state: 'closed', readonly reason: 'closed' | 'unreadable' | 'lost' }>
  | Only<{ readonly state: 'closed', readonly reason: 'final', readonly closeReason: string }>
  | Only<{ readonly state: 'closed', readonly reason: 'gone', readonly httpStatus: number }>

// In the JSON of a closed status: close reasons, statuses of runs, reasons, and HTTP statuses except 204.
const FAILED = /"(error|failed|lost|unreadable)"|:(?!204)\d/

/** Makes the error of a stream that was closed for a failure; undefined if it was closed without one. */
export function failureOf (status: Status): Error | undefined {
  const text = JSON.stringify(status)
  return FAILED.test(text) ? new Error(text, { cause: status }) : undefined
}
