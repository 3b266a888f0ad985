import type { AttemptListener, AttemptOptions } from '../connection/attempt.ts'
import { EventStreamParser } from '../wire/event-stream-parser.ts'
import type { Request } from '../wire/request.ts'
import type { Failure } from '../connection/failure.ts'

type HeaderValues = Readonly<Record<string, string>>

// The transport that reads a stream by `fetch`.

/** The request headers, or a function that returns them and is called for every attempt. */
export type RequestHeaders = HeaderValues | (() => HeaderValues | Promise<HeaderValues>)

export interface FetchOptions {
  readonly headers: RequestHeaders | null
  readonly withCredentials: boolean
  /** A function of the main module, like `requestStream`: importing it here would load it twice. */
  readonly classifyResponse: (response: Response) => Failure | undefined
  readonly requestStream: Request
  /** Aborted when the attempt is closed. */
  readonly signal: AbortSignal
}

const ID_HEADER = 'last-event-id'

/** Makes an attempt by `fetch`, which can send headers and receives events of every type. */
export function openFetch ({ url, resumeQuery, lastEventId }: AttemptOptions, options: FetchOptions, listener: AttemptListener): void {
  const { signal } = options
  /** Drops the reports of a closed attempt. */
  const unlessClosed = <T>(report: (value: T) => void) => (value: T): void => { if (!signal.aborted) report(value) }
  const failed = unlessClosed(listener.error)
  void read().then(unlessClosed(listener.lost))

  async function read (): Promise<Failure> {
    let headers: Headers
    let failure: Failure | undefined
    try {
      headers = new Headers(typeof options.headers === 'function' ? await options.headers() : options.headers ?? {})
    } catch (error) {
      failed(error)
      return {}
    }
    try {
      // A redirect that is followed carries the caller's headers, such as an API key, wherever it leads.
      const redirect = [...headers].length > 0 ? 'manual' : 'follow'
      // `origin` is undefined in Node.
      const { origin } = globalThis
      // Another origin, also as the target of a redirect, has to allow this header. Servers may reject a long value, and other characters
      // may not survive.
      if (/^[!-~]{1,2000}$/.test(lastEventId) && (!origin || url.startsWith(`${origin}/`))) headers.set(ID_HEADER, lastEventId)
      const ask = (url: string): Promise<Response> => options.requestStream(url, {
        ...options,
        headers,
        redirect: origin && headers.has(ID_HEADER) ? 'manual' : redirect
      })
      let response = await ask(url + resumeQuery)
      failure = options.classifyResponse(response)
      if (failure === undefined ? !response.body?.getReader : failure.httpStatus! < 500) {
        const { reconsider } = await import('./refusals.ts');
        [response, failure] = await reconsider({ ...options, response, url, resumeQuery, headers, ask, failed })
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
      return { ended: true }
    } catch (error) {
      // Network errors are not reported, since the next attempt follows. The parser throws a RangeError.
      if (error instanceof RangeError) failed(error)
      return failure ?? {}
    }
  }
}
