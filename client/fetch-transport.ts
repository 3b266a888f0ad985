import type { Attempt, AttemptListener, AttemptOptions } from './attempt.ts'
import { EventStreamParser } from './event-stream-parser.ts'
import type { Verdict } from './verdict.ts'

type HeaderValues = Readonly<Record<string, string>>

/** Request headers, or what gives them, asked anew at every attempt. */
export type RequestHeaders = HeaderValues | (() => HeaderValues | Promise<HeaderValues>)

export interface FetchOptions {
  readonly headers: RequestHeaders
  readonly withCredentials: boolean
  /** Handed in: what the main module has is not loaded twice. */
  readonly judge: (response: Response) => Verdict
}

const EVENT_STREAM = 'text/event-stream'

/** Reads a stream by `fetch`, which can send headers, and sees events of every type. */
export function openFetch ({ url, lastEventId }: AttemptOptions, options: FetchOptions, listener: AttemptListener): Attempt {
  const aborting = new AbortController()
  const { signal } = aborting
  void read().then((verdict) => { if (!signal.aborted) listener.lost(verdict) })

  return {
    seesComments: true,
    hear () {},
    close: () => aborting.abort()
  }

  async function read (): Promise<Verdict> {
    let headers: Headers
    try {
      headers = new Headers(typeof options.headers === 'function' ? await options.headers() : options.headers)
      if (!headers.has('accept')) headers.set('accept', EVENT_STREAM)
    } catch (error) {
      if (!signal.aborted) listener.error(error)
      return {}
    }
    try {
      const response = await fetch(url, {
        headers,
        credentials: options.withCredentials ? 'include' : 'same-origin',
        cache: 'no-store',
        signal
      })
      if (signal.aborted) return {}
      if (!isEventStream(response)) {
        response.body?.cancel().catch(() => {})
        return options.judge(response)
      }
      listener.opened()
      const parser = new EventStreamParser({
        event: (event) => { if (!signal.aborted) listener.event(event) },
        retry: (reconnectionTime) => { if (!signal.aborted) listener.retry(reconnectionTime) }
      }, lastEventId)
      // The parser takes the byte order mark: there may be a second one behind it, which is text.
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      const reader = response.body!.getReader()
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        if (signal.aborted) break
        listener.sign()
        parser.push(decoder.decode(piece.value, { stream: true }))
      }
    } catch {
      // The network: whatever it was, the next attempt tells.
    }
    return {}
  }
}

function isEventStream ({ status, headers }: Response): boolean {
  return status === 200 && headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === EVENT_STREAM
}
