import type { Attempt, AttemptListener, AttemptOptions, Transport } from '../connection/attempt.ts'
import { pause } from '../connection/backoff.ts'
import type { Failure } from '../connection/failure.ts'

// A server that has not answered the diagnostic request within this many milliseconds counts as unreachable.
const PATIENCE = 5000

const MOMENT = 100

/**
 * Makes an attempt with the browser's own EventSource, until the browser gives up. An EventSource does not expose the reason, so a second
 * request to the same URL, by `fetch`, finds it.
 *
 * @param diagnose Finds the reason why a URL gives no stream. Never rejects.
 * @param openFetch The transport that takes over when the server rejects the request as invalid.
 */
export function openEventSource (
  options: AttemptOptions,
  withCredentials: boolean,
  diagnose: (url: string, withCredentials: boolean, signal: AbortSignal) => Promise<Failure>,
  openFetch: Transport,
  listener: AttemptListener
): Attempt {
  const { url, resumeQuery, lastEventId, types } = options
  const source = new EventSource(url + resumeQuery, { withCredentials })
  const closing = new AbortController()
  const { signal } = closing
  let instead: Attempt | undefined
  // Without an ID to resume from, the EventSource's own ID is used from the start.
  let hasOwnId = resumeQuery === ''

  // A server may send events of the types `open` and `error`. They carry data, unlike the events of the connection itself.
  source.onopen = (event) => { if (!('data' in event)) listener.opened() }
  source.onerror = async (event) => {
    if ('data' in event) return
    if (source.readyState !== EventSource.CLOSED) return listener.retrying()
    // A page that is being left sees its connections fail before `pagehide`.
    await pause(MOMENT)
    if (signal.aborted) return
    const timer = setTimeout(() => listener.lost({}), PATIENCE)
    const failure = await diagnose(url + resumeQuery, withCredentials, signal)
    clearTimeout(timer)
    if (signal.aborted) return
    // The last event ID in the query may be what is invalid. An EventSource cannot send it in a header.
    if (!hasOwnId && [400, 422].includes(failure.httpStatus!)) instead = openFetch(options, listener)
    else listener.lost(failure)
  }

  const attempt: Attempt = {
    seesComments: false,
    listenTo (type) {
      source.addEventListener(type, ({ data, lastEventId: id }: MessageEvent<string>) => {
        if (data === undefined || signal.aborted) return
        // A new EventSource has an empty last event ID until an event sets one, while the resumed stream already has an ID.
        hasOwnId ||= id !== ''
        listener.event({ type, data, lastEventId: hasOwnId ? id : lastEventId })
      })
    },
    close () {
      closing.abort()
      source.close()
      instead?.close()
    }
  }
  for (const type of types) attempt.listenTo(type)
  return attempt
}
