import type { Failure } from '../connection/failure.ts'

// The second look at a response that cannot be read as an event stream: redirects, and a query that the server rejects.

export interface Refused {
  readonly response: Response
  /** The URL of the stream, without the last event ID. */
  readonly url: string
  /** The query with the last event ID, ready to be appended to `url`; empty if there is no ID. */
  readonly resumeQuery: string
  readonly headers: Headers
  /** Requests a URL. `fetch` follows redirects only if the headers allow it. */
  readonly ask: (url: string) => Promise<Response>
  readonly classifyResponse: (response: Response) => Failure | undefined
  readonly failed: (error: unknown) => void
}

const MOST_REDIRECTS = 5

// The headers that the client sets itself.
const OWN_HEADERS = ['accept', 'last-event-id']

// The responses of a route whose schema does not allow `lastEventId`.
const INVALID = [400, 422]

/**
 * Looks for an event stream behind a response that is none: follows redirects, and repeats a rejected request without the last event ID in
 * its query.
 *
 * @returns The response to use and its failure, which is undefined for an event stream that can be read.
 */
export async function reconsider (refused: Refused): Promise<[Response, Failure | undefined]> {
  const { url, resumeQuery, headers, ask, classifyResponse, failed } = refused
  const isStream = (response: Response): boolean => classifyResponse(response) === undefined
  let response = await followWithin(refused)
  if (resumeQuery !== '' && INVALID.includes(response.status)) {
    const other = await followWithin({ ...refused, response: await ask(url), resumeQuery: '' })
    const isQueryInvalid = isStream(other)
    const resumes = isQueryInvalid && headers.has('last-event-id')
    if (isQueryInvalid && !resumes) failed(new Error(`${url} refuses "lastEventId" in its query: the stream cannot resume after the last event`))
    discard(resumes ? response : other)
    if (resumes) response = other
  }
  if (!isStream(response) || isReadable(response)) return [response, classifyResponse(response)]
  failed(new Error('This fetch returns no body that can be read before its end, so it cannot read an event stream'))
  return [response, { gone: { state: 'closed', reason: 'unreadable' } }]
}

/**
 * Follows redirects within the origin. The caller's headers must not reach another origin, and `fetch` itself would remove `authorization`
 * alone. A page cannot see where a redirect leads, so there none is followed while the caller has set headers.
 */
async function followWithin ({ response: first, url, resumeQuery, headers, ask, failed }: Refused): Promise<Response> {
  let response = first
  if (response.type === 'opaqueredirect' && [...headers.keys()].every((name) => OWN_HEADERS.includes(name))) {
    // The ID stays in the query.
    headers.delete('last-event-id')
    response = await ask(url + resumeQuery)
  }
  let from = url + resumeQuery
  for (let left = MOST_REDIRECTS; isRedirect(response); left--) {
    const to = new URL(response.headers.get('location') ?? 'about:blank', from)
    if (left === 0 || to.origin !== new URL(from).origin) {
      failed(new Error(`${from} redirects, and "headers" are not sent along: connect to the final URL`))
      return response
    }
    discard(response)
    from = to.href
    response = await ask(from)
  }
  return response
}

function isRedirect ({ type, status, headers }: Response): boolean {
  return type === 'opaqueredirect' || (status > 300 && status < 400 && headers.has('location'))
}

/** Tells whether the body can be read as it arrives. It cannot in React Native and jsdom, which have a `fetch` of their own. */
function isReadable ({ body }: { readonly body?: Partial<ReadableStream> | null }): boolean {
  return typeof body?.getReader === 'function'
}

function discard ({ body }: Response): void {
  body?.cancel().catch(() => {})
}
