// The HTTP request for an event stream.

interface RequestOptions {
  readonly headers?: Headers
  readonly redirect?: 'follow' | 'manual'
  readonly withCredentials: boolean
  readonly signal: AbortSignal
}

export type Request = (url: string, options: RequestOptions) => Promise<Response>

/** Requests an event stream. A redirect is followed unless the options say otherwise. */
export const requestStream: Request = (url, { headers = new Headers(), redirect = 'follow', withCredentials, signal }) => {
  if (!headers.has('accept')) headers.set('accept', 'text/event-stream')
  return fetch(url, { headers, redirect, credentials: withCredentials ? 'include' : 'same-origin', cache: 'no-store', signal })
}
