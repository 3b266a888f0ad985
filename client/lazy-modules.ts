import type { Transport } from './connection/attempt.ts'
import type { RequestHeaders } from './transport/fetch-transport.ts'
import { watchPage } from './connection/page-lifecycle.ts'
import { requestStream } from './wire/request.ts'
import type { SharingOptions } from './sharing/sharing.ts'
import type { Source, SourceListener } from './connection/source.ts'
import { classifyResponse } from './connection/failure.ts'

// What not every page needs is loaded by those that do, and handed what this module has: nothing is loaded twice.

/** @param headers Null: none. */
export function fetchTransport (headers: RequestHeaders | null, withCredentials: boolean): Transport {
  let loading: ReturnType<typeof importFetchTransport> | undefined
  return (options, listener) => {
    const closing = new AbortController()
    const { signal } = closing
    loading ??= load(importFetchTransport)
    loading.then(({ openFetch }) => {
      if (!signal.aborted) openFetch(options, { headers, withCredentials, classifyResponse, requestStream, signal }, listener)
    }, (error) => {
      loading = undefined
      if (signal.aborted) return
      listener.lost({})
      // Last: it may close the stream.
      listener.error(error)
    })
    return { seesComments: true, listenTo () {}, close: () => closing.abort() }
  }
}

const importFetchTransport = () => import('./transport/fetch-transport.ts')
const importSharing = () => import('./sharing/sharing.ts')

/**
 * Imports a module. Browsers before Chromium 156 and Firefox 154 remember that it did not load, and never ask for its URL again: a query
 * makes it another. webpack asks again itself.
 */
function load<T> (importModule: () => Promise<T>): Promise<T> {
  // The name that a bundler gave the file stands in the function, and nowhere else.
  return importModule().catch((error) => import(`${`${importModule}`.split(/['"`]/)[1]}?${Date.now()}`).catch(() => { throw error }))
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
    clearTimeout(timer)
    if (isOver) return
    replace(make())
    isOver = true
  }
  const alone = (): void => begin(() => open(lastEventId, listener))
  const timer = setTimeout(alone, options.connectTimeout)
  load(importSharing)
    .then(({ SharedConnection }) => begin(() => new SharedConnection({ ...options, lastEventId }, { open, watchPage }, listener)))
    .catch(alone)
  return {
    get lastEventId () { return lastEventId },
    listenTo () {},
    retryNow () {},
    reconnect (id = lastEventId) { lastEventId = id },
    close () {
      if (isOver) return
      isOver = true
      listener.status({ state: 'closed', reason: 'closed' })
    }
  }
}
