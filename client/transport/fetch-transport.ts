import type { AttemptListener, AttemptOptions } from '../connection/attempt.ts'
import { EventStreamParser } from '../wire/event-stream-parser.ts'
import type { Request } from '../wire/request.ts'
import type { Failure } from '../connection/failure.ts'

type HeaderValues = Readonly<Record<string, string>>

/** Request headers, or what gives them, asked anew at every attempt. */
export type RequestHeaders = HeaderValues | (() => HeaderValues | Promise<HeaderValues>)

export interface FetchOptions {
  readonly headers: RequestHeaders | null
  readonly withCredentials: boolean
  /** Handed in: what the main module has is not loaded twice. */
  readonly classifyResponse: (response: Response) => Failure | undefined
  readonly requestStream: Request
  /** Aborted: the attempt is closed. */
  readonly signal: AbortSignal
}

const ID_HEADER = 'last-event-id'

/** Reads a stream by `fetch`, which can send headers, and sees events of every type. */
export function openFetch ({ url, place, lastEventId }: AttemptOptions, options: FetchOptions, listener: AttemptListener): void {
  const { signal } = options
  /** An attempt that is closed says nothing more. */
  const unlessClosed = <T>(tell: (value: T) => void) => (value: T): void => { if (!signal.aborted) tell(value) }
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
      // Headers of the caller, such as an API key, would go along to wherever it leads.
      const redirect = [...headers].length > 0 ? 'manual' : 'follow'
      // Undefined in Node.
      const { origin } = globalThis
      // Another origin would have to allow it, where a redirect leads to one as well. What is long may be refused, and other characters do
      // not arrive everywhere.
      if (/^[!-~]{1,2000}$/.test(lastEventId) && (!origin || url.startsWith(`${origin}/`))) headers.set(ID_HEADER, lastEventId)
      const ask = (url: string): Promise<Response> => options.requestStream(url, {
        ...options,
        headers,
        redirect: origin && headers.has(ID_HEADER) ? 'manual' : redirect
      })
      let response = await ask(url + place)
      failure = options.classifyResponse(response)
      if (failure === undefined ? !response.body?.getReader : failure.httpStatus! < 500) {
        const { reconsider } = await import('./refusals.ts');
        [response, failure] = await reconsider({ ...options, response, url, place, headers, ask, failed })
      }
      if (failure !== undefined || signal.aborted) return failure ?? {}
      listener.opened()
      const parser = new EventStreamParser({
        event: unlessClosed(listener.event),
        retry: unlessClosed(listener.retry),
        comment: unlessClosed(listener.comment)
      }, lastEventId)
      // The parser takes the byte order mark: there may be a second one behind it, which is text.
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      const reader = response.body!.getReader()
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        if (signal.aborted) break
        listener.sign()
        parser.push(decoder.decode(piece.value, { stream: true }))
      }
      return { ended: true }
    } catch (error) {
      // The network: whatever it was, the next attempt tells.
      if (error instanceof RangeError) failed(error)
      return failure ?? {}
    }
  }
}
