import type { AttemptListener, AttemptOptions } from '../connection/attempt.ts'
import { EventStreamParser } from '../wire/event-stream-parser.ts'
import { requestStream } from '../wire/request.ts'
import { classifyResponse, type Failure } from '../connection/failure.ts'

type HeaderValues = Readonly<Record<string, string>>

// The transport that reads a stream by `fetch`.

/** The request headers, or a function that returns them and is called for every attempt. */
export type RequestHeaders = HeaderValues | (() => HeaderValues | Promise<HeaderValues>)

/** The body of a POST: text, a form, bytes; or any other object, which is sent as JSON. */
export type RequestBody = string | object

/** The part of the settings of a stream that requests use. */
export interface FetchSettings {
  readonly given: string | URL | (() => string | URL | Promise<string | URL>)
  readonly headers: RequestHeaders | null
  readonly withCredentials: boolean
  readonly method: string
  readonly body: RequestBody | null
}

export interface FetchOptions extends FetchSettings {
  /** What the attempts of one stream know of the answer to its POST. */
  readonly answer: Answer
  /** Aborted when the attempt is closed. */
  readonly signal: AbortSignal
}

/** The answer to a POST. */
interface Answer {
  /** True once the request was sent. */
  isAsked?: boolean
  /** Where the answer goes on. Absent: it has not come, or does not say. */
  location?: string
}

const ID_HEADER = 'last-event-id'

/** Makes an attempt by `fetch`, which can send headers and receives events of every type. */
export function openFetch ({ url, resumeQuery, lastEventId }: AttemptOptions, options: FetchOptions, listener: AttemptListener): void {
  const { signal } = options
  /** Drops the reports of a closed attempt. */
  const unlessClosed = <T>(report: (value: T) => void) => (value: T): void => { if (!signal.aborted) report(value) }
  const failed = unlessClosed(listener.error)
  const { answer } = options
  void read().then(unlessClosed(listener.lost))

  async function read (): Promise<Failure> {
    const { given, method, body } = options
    const isPost = method === 'POST' && !answer.isAsked
    if (method === 'POST' && !isPost && answer.location === undefined) return LOST
    let headers: Headers
    let target = url
    let query = resumeQuery
    let posted: BodyInit | null = null
    try {
      headers = new Headers(typeof options.headers === 'function' ? await options.headers() : options.headers ?? {})
      if (answer.location !== undefined) target = answer.location
      else if (typeof given === 'function') target = new URL(await given(), globalThis.document?.baseURI ?? globalThis.location?.href).href
      if (query !== '') query = (target.includes('?') ? '&' : '?') + query.slice(1)
      if (isPost) posted = encoded(body, headers)
    } catch (error) {
      failed(error)
      return {}
    }
    let failure: Failure | undefined
    try {
      // A redirect that is followed carries the caller's headers, such as an API key, wherever it leads.
      const redirect = [...headers].length > 0 ? 'manual' : 'follow'
      // `origin` is undefined in Node.
      const { origin } = globalThis
      // Another origin, also as the target of a redirect, has to allow this header. Servers may reject a long value, and other characters
      // may not survive.
      if (/^[!-~]{1,2000}$/.test(lastEventId) && (!origin || target.startsWith(`${origin}/`))) headers.set(ID_HEADER, lastEventId)
      const ask = (url: string): Promise<Response> => requestStream(url, {
        ...isPost && { method, body: posted },
        withCredentials: options.withCredentials,
        signal,
        headers,
        redirect: origin && headers.has(ID_HEADER) ? 'manual' : redirect
      })
      answer.isAsked = true
      let response = await ask(target + query)
      failure = classifyResponse(response)
      if (isPost) {
        if (failure !== undefined) return { gone: failure.gone ?? { state: 'closed', reason: 'gone', httpStatus: response.status } }
        const location = response.headers.get('content-location')
        const place = location === null ? undefined : new URL(location, response.url)
        // The caller's headers, such as an API key, are for the origin that was asked.
        if (place?.origin === new URL(response.url).origin) answer.location = place.href.replace(/#.*/, '')
        else if (place !== undefined) failed(new TypeError(`The answer goes on at another origin, which is not asked: ${place.href}`))
      } else if (failure === undefined ? !response.body?.getReader : failure.httpStatus! < 500) {
        const { reconsider } = await import('./refusals.ts');
        [response, failure] = await reconsider({ response, url: target, resumeQuery: query, headers, ask, classifyResponse, failed })
      }
      if (failure !== undefined || signal.aborted) return failure ?? {}
      listener.opened()
      const parser = new EventStreamParser({
        event: unlessClosed(listener.event),
        retry: unlessClosed(listener.retry),
        comment: unlessClosed(listener.comment)
      }, lastEventId)
      // The parser removes the byte order mark. The decoder would do so, too, and a second mark is text.
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      const reader = response.body!.getReader()
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        if (signal.aborted) break
        listener.sign()
        parser.push(decoder.decode(piece.value, { stream: true }))
      }
      // An answer without a place where it goes on is over, if its server has ended it.
      return isPost && answer.location === undefined ? { gone: { state: 'closed', reason: 'final', closeReason: '' } } : { ended: true }
    } catch (error) {
      // Network errors are not reported, since the next attempt follows. The parser throws a RangeError.
      if (error instanceof RangeError) failed(error)
      return isPost && answer.location === undefined ? LOST : failure ?? {}
    }
  }
}

/** Finds the reason why a URL gives no stream. The head is enough: the caller aborts the request, so that no subscriber without a reader is left. */
export async function diagnose (url: string, withCredentials: boolean, signal: AbortSignal): Promise<Failure> {
  return classifyResponse(await requestStream(url, { withCredentials, signal })) ?? {}
}

const LOST: Failure = { gone: { state: 'closed', reason: 'lost' } }

const OWN_FORMS = [Blob, FormData, URLSearchParams, ReadableStream, ArrayBuffer]

/** Encodes a body. An object without a form of its own is sent as JSON. @throws TypeError when it has no JSON form. */
function encoded (body: RequestBody | null, headers: Headers): BodyInit | null {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body) || OWN_FORMS.some((form) => body instanceof form)) return body as BodyInit
  if (!headers.has('content-type')) headers.set('content-type', 'application/json')
  return JSON.stringify(body)
}
