import type { Failure } from '../connection/failure.ts'

/** What there is to do about an answer that cannot be read as an event stream. */
export interface Refused {
  readonly response: Response
  /** Without the last event ID. */
  readonly url: string
  /** The last event ID as the end of the URL. */
  readonly place: string
  readonly headers: Headers
  /** Follows redirects where the headers allow it. */
  readonly ask: (url: string) => Promise<Response>
  readonly classifyResponse: (response: Response) => Failure | undefined
  readonly failed: (error: unknown) => void
}

const MOST_REDIRECTS = 5

// Of the client itself: the caller gave none.
const OWN_HEADERS = ['accept', 'last-event-id']

// From a schema that does not know `lastEventId`.
const INVALID = [400, 422]

/**
 * Looks for an event stream behind an answer that is none, or that cannot be read.
 *
 * @returns The answer to go on with, and its failure: undefined where it is an event stream that can be read.
 */
export async function reconsider (refused: Refused): Promise<[Response, Failure | undefined]> {
  const { url, place, headers, ask, classifyResponse, failed } = refused
  const isStream = (response: Response): boolean => classifyResponse(response) === undefined
  let response = await followWithin(refused)
  if (place !== '' && INVALID.includes(response.status)) {
    const other = await followWithin({ ...refused, response: await ask(url), place: '' })
    const isForItsId = isStream(other)
    const goesOn = isForItsId && headers.has('last-event-id')
    if (isForItsId && !goesOn) failed(new Error(`${url} refuses "lastEventId" in its query: the stream cannot go on where it was`))
    leave(goesOn ? response : other)
    if (goesOn) response = other
  }
  if (!isStream(response) || isReadable(response)) return [response, classifyResponse(response)]
  failed(new Error('This fetch gives no body that can be read before its end: an event stream has none'))
  return [response, { gone: { state: 'closed', reason: 'unreadable' } }]
}

/**
 * Follows redirects within the origin. Elsewhere headers of the caller must not go: `fetch` itself would take off `authorization` alone.
 * A page is not told where a redirect leads, so there each is one too many.
 */
async function followWithin ({ response: first, url, place, headers, ask, failed }: Refused): Promise<Response> {
  let response = first
  if (response.type === 'opaqueredirect' && [...headers.keys()].every((name) => OWN_HEADERS.includes(name))) {
    // The place in the query goes along.
    headers.delete('last-event-id')
    response = await ask(url + place)
  }
  let from = url + place
  for (let left = MOST_REDIRECTS; isRedirect(response); left--) {
    const to = new URL(response.headers.get('location') ?? 'about:blank', from)
    if (left === 0 || to.origin !== new URL(from).origin) {
      failed(new Error(`${from} redirects, and "headers" do not go along: connect to the URL it leads to`))
      return response
    }
    leave(response)
    from = to.href
    response = await ask(from)
  }
  return response
}

function isRedirect ({ type, status, headers }: Response): boolean {
  return type === 'opaqueredirect' || (status > 300 && status < 400 && headers.has('location'))
}

/** Not in React Native, nor where something stands in for `fetch`, as in jsdom. */
function isReadable ({ body }: { readonly body?: Partial<ReadableStream> | null }): boolean {
  return typeof body?.getReader === 'function'
}

function leave ({ body }: Response): void {
  body?.cancel().catch(() => {})
}
