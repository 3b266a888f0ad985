import type { Attempt, AttemptListener, AttemptOptions } from './attempt.ts'
import { judge, type Verdict } from './verdict.ts'

// A server that has not answered by then is asked for the stream again, like one that does not answer at all.
const PATIENCE = 10_000

const MOMENT = 100

/** The browser's own EventSource, until the browser gives up on it. */
export function openEventSource ({ url, lastEventId, types }: AttemptOptions, withCredentials: boolean, listener: AttemptListener): Attempt {
  const source = new EventSource(url, { withCredentials })
  const asking = new AbortController()
  let isOver = false
  let hasOwnId = false

  // An event typed `open` or `error` says nothing of the connection. It alone has data.
  source.onopen = (event) => { if (!('data' in event)) listener.opened() }
  source.onerror = async (event) => {
    if ('data' in event) return
    if (source.readyState !== EventSource.CLOSED) return listener.retrying()
    // A page that is being left hears of its connections first.
    await new Promise((resolve) => setTimeout(resolve, MOMENT))
    const verdict = isOver ? {} : await ask(url, withCredentials, asking)
    if (!isOver) listener.lost(verdict)
  }

  const attempt: Attempt = {
    seesComments: false,
    hear (type) {
      source.addEventListener(type, ({ data, lastEventId: id }: MessageEvent<string>) => {
        if (data === undefined || isOver) return
        // A new EventSource has no ID until one has come. The stream that it goes on with has.
        hasOwnId ||= id !== ''
        listener.event({ type, data, lastEventId: hasOwnId ? id : lastEventId })
      })
    },
    close () {
      isOver = true
      asking.abort()
      source.close()
    }
  }
  for (const type of types) attempt.hear(type)
  return attempt
}

/** Why a browser gave up, which it does not tell: asks for the head of the same URL. */
async function ask (url: string, withCredentials: boolean, asking: AbortController): Promise<Verdict> {
  const timer = setTimeout(() => asking.abort(), PATIENCE)
  try {
    return judge(await fetch(url, {
      method: 'HEAD',
      headers: { accept: 'text/event-stream' },
      credentials: withCredentials ? 'include' : 'same-origin',
      cache: 'no-store',
      signal: asking.signal
    }))
  } catch {
    return {}
  } finally {
    clearTimeout(timer)
  }
}
