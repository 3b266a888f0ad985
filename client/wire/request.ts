// The HTTP request for an event stream.

interface RequestOptions extends Pick<RequestInit, 'method' | 'body' | 'redirect' | 'signal'> {
  readonly headers?: Headers
  readonly withCredentials: boolean
}

/** Requests an event stream. */
export function requestStream (url: string, { headers = new Headers(), withCredentials, ...init }: RequestOptions): Promise<Response> {
  if (!headers.has('accept')) headers.set('accept', 'text/event-stream')
  return fetch(url, { ...init, headers, credentials: withCredentials ? 'include' : 'same-origin', cache: 'no-store' })
}
