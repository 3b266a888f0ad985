import type { Transport } from './connection/attempt.ts'
import type { FetchSettings } from './transport/fetch-transport.ts'
import { watchPage } from './connection/page-lifecycle.ts'
import type { SharingOptions } from './sharing/options.ts'
import type { Source, SourceListener } from './connection/source.ts'
import type { Failure } from './connection/failure.ts'

// Loads the parts of the client that only some pages need, and hands them shared functions, so that no code is loaded twice.

/** Makes a transport that reads by `fetch`. The first attempt loads the code. */
export function fetchTransport (settings: FetchSettings): Transport {
  /** The attempts of one transport share it. */
  const answer = {}
  let loading: ReturnType<typeof importFetchTransport> | undefined
  return (options, listener) => {
    const closing = new AbortController()
    const { signal } = closing
    loading ??= load(importFetchTransport)
    loading.then(({ openFetch }) => {
      if (!signal.aborted) openFetch(options, { ...settings, answer, signal }, listener)
    }, (error) => {
      // A module fails to load only in a browser; its tests are in test/browsers/client/modules.test.ts.
      loading = undefined
      if (signal.aborted) return
      listener.lost({})
      // Reported last, because the listener may close the stream.
      listener.error(error)
    })
    return { seesComments: true, listenTo () {}, close: () => closing.abort() }
  }
}

/** Finds the reason why a URL gives no stream. Never rejects. */
export function diagnose (url: string, withCredentials: boolean, signal: AbortSignal): Promise<Failure> {
  return load(importFetchTransport).then(({ diagnose }) => diagnose(url, withCredentials, signal)).catch(() => ({}))
}

const importFetchTransport = () => import('./transport/fetch-transport.ts')
const importSharing = () => import('./sharing/sharing.ts')

/**
 * Imports a module; after a failure, tries once more with a query added to its URL. Browsers before Chromium 156 and Firefox 154 remember
 * that a module failed to load, and never request its URL again. webpack repeats the request itself.
 */
function load<T> (importModule: () => Promise<T>): Promise<T> {
  // Only the source text of the function contains the file name that a bundler chose.
  return importModule().catch((error) => import(`${`${importModule}`.split(/['"`]/)[1]}?${Date.now()}`).catch(() => { throw error }))
}

/**
 * Makes a source that tabs share. If the code for sharing does not load within `connectTimeout`, this tab reads the stream by itself.
 *
 * @param open Opens a connection, for this tab alone or for the tab that leads.
 * @param replace Receives the final source, which takes the place of the returned one.
 * @returns A source that only keeps the event ID to start from.
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
