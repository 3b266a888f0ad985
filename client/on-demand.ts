import type { Transport } from './attempt.ts'
import type { RequestHeaders } from './fetch-transport.ts'
import { watchPage } from './page-life.ts'
import { requestStream } from './request.ts'
import type { SharingOptions } from './sharing.ts'
import type { Source, SourceListener } from './source.ts'
import { judge } from './verdict.ts'

// What not every page needs is loaded by those that do, and handed what this module has: nothing is loaded twice.

/** @param headers Null: none. */
export function fetchTransport (headers: RequestHeaders | null, withCredentials: boolean): Transport {
  let loading: ReturnType<typeof loadFetchTransport> | undefined
  return (options, listener) => {
    const closing = new AbortController()
    const { signal } = closing
    loading ??= loadFetchTransport()
    loading.then(({ openFetch }) => {
      if (!signal.aborted) openFetch(options, { headers, withCredentials, judge, requestStream, signal }, listener)
    }, (error) => {
      loading = undefined
      if (signal.aborted) return
      listener.error(error)
      listener.lost({})
    })
    return { seesComments: true, hear () {}, close: () => closing.abort() }
  }
}

async function loadFetchTransport (): Promise<typeof import('./fetch-transport.ts')> {
  try {
    return await import('./fetch-transport.ts')
  } catch (error) {
    // A browser may remember that a module did not load, and never ask for its URL again.
    return await import(`${new URL('./fetch-transport.js', import.meta.url)}?${Date.now()}`).catch(() => { throw error })
  }
}

/**
 * A source that all tabs share; where that part does not load in time, one of this tab's own.
 *
 * @param open Makes that, and the one of the tab that leads.
 * @param replace Is given it. Until then there is one that only knows where to begin.
 */
export function sharedSource (
  options: SharingOptions,
  open: (lastEventId: string, listener: SourceListener) => Source,
  listener: SourceListener,
  replace: (source: Source) => void
): Source {
  let { lastEventId } = options
  let isOver = false
  const begin = (make: () => Source): void => {
    if (isOver) return
    replace(make())
    isOver = true
  }
  const alone = (): void => begin(() => open(lastEventId, listener))
  const timer = setTimeout(alone, Math.min(options.connectTimeout, 2 ** 31 - 1))
  import('./sharing.ts')
    .then(({ SharedConnection }) => begin(() => new SharedConnection({ ...options, lastEventId }, { open, watchPage }, listener)))
    .catch(alone)
    .finally(() => clearTimeout(timer))
  return {
    get lastEventId () { return lastEventId },
    hear () {},
    hasten () {},
    reconnect (id = lastEventId) { lastEventId = id },
    close () {
      if (isOver) return
      isOver = true
      listener.status({ state: 'closed', reason: 'closed' })
    }
  }
}
