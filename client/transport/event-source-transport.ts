import type { Attempt, AttemptListener, AttemptOptions, Transport } from '../connection/attempt.ts'
import { pause } from '../connection/backoff.ts'
import { requestStream } from '../wire/request.ts'
import { classifyResponse } from '../connection/failure.ts'

// A server that has not answered by then is asked for the stream again, like one that does not answer at all.
const PATIENCE = 5000

const MOMENT = 100

/**
 * The browser's own EventSource, until the browser gives up on it. Why it did is not told: another request for the same URL tells it.
 *
 * @param openFetch Makes the attempt where the server takes the request for invalid.
 */
export function openEventSource (options: AttemptOptions, withCredentials: boolean, openFetch: Transport, listener: AttemptListener): Attempt {
  const { url, place, lastEventId, types } = options
  const source = new EventSource(url + place, { withCredentials })
  const closing = new AbortController()
  const { signal } = closing
  let instead: Attempt | undefined
  // Without a place there is none to keep.
  let hasOwnId = place === ''

  // An event typed `open` or `error` says nothing of the connection. It alone has data.
  source.onopen = (event) => { if (!('data' in event)) listener.opened() }
  source.onerror = async (event) => {
    if ('data' in event) return
    if (source.readyState !== EventSource.CLOSED) return listener.retrying()
    // A page that is being left hears of its connections first.
    await pause(MOMENT)
    if (signal.aborted) return
    const timer = setTimeout(() => listener.lost({}), PATIENCE)
    // The head is enough: the listener closes the attempt, and the body is not read. So the server has no subscriber who is not here.
    const failure = await requestStream(url + place, { withCredentials, signal }).then(classifyResponse, () => undefined)
    clearTimeout(timer)
    if (signal.aborted) return
    // Invalid, perhaps for the last event ID in the query: an EventSource cannot give it otherwise.
    if (!hasOwnId && [400, 422].includes(failure?.httpStatus!)) instead = openFetch(options, listener)
    else listener.lost(failure ?? {})
  }

  const attempt: Attempt = {
    seesComments: false,
    listenTo (type) {
      source.addEventListener(type, ({ data, lastEventId: id }: MessageEvent<string>) => {
        if (data === undefined || signal.aborted) return
        // A new EventSource has no ID until one has come. The stream that it goes on with has.
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
